import { isCell, VICTIMS } from './table.ts';
import type { Cell, Entry } from './table.ts';

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], next: () => number): T[] {
  return items
    .map((item) => ({ item, key: next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

/** A row of the table: a step of one of the verbs. */
export function rowOf({ verb, step }: Pick<Cell, 'verb' | 'step'>): string {
  return `${verb} ${step}`;
}

/**
 * One cell of each row of the table, so that together they strike every victim. The same seed gives the same cells. The hardest to place
 * come first (fewest cells to choose from), so that a cell mostly covers a victim and a row at once.
 */
export function sample(entries: readonly Entry[], seed: number): Cell[] {
  const next = random(seed);
  const cells = shuffled(entries.filter(isCell), next);
  const victims = new Set<string>(VICTIMS);
  const rows = new Set(cells.map(rowOf));
  const chosen: Cell[] = [];
  while (victims.size + rows.size > 0) {
    const gain = (cell: Cell): number => Number(victims.has(cell.victim)) + Number(rows.has(rowOf(cell)));
    const best = Math.max(...cells.map(gain));
    if (!(best > 0)) throw new Error(`no cell strikes ${[...victims].join(', ')}`);
    const taken = cells.find((cell) => gain(cell) === best) as Cell;
    chosen.push(taken);
    victims.delete(taken.victim);
    rows.delete(rowOf(taken));
  }
  return chosen;
}
