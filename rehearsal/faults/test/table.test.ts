import { describe, expect, it } from '@jest/globals';
import { rowOf, sample } from '../sample.ts';
import { isCell, nameOf, NUMBERED, table, VERBS, VICTIMS } from '../table.ts';

const entries = table();
const cells = entries.filter(isCell);
/** A deploy has 13 steps, a rollback eight of them. */
const ROWS = 21;

describe('the table of faults', () => {
  it('has every step × victim of both verbs once, as a cell or with a reason', () => {
    expect(entries).toHaveLength(VERBS.length * NUMBERED.length * VICTIMS.length);
    expect(new Set(entries.map(nameOf)).size).toBe(entries.length);
    for (const entry of entries) if (!isCell(entry)) expect(entry.reason).not.toBe('');
  });

  it('lets visitors notice nothing unless what serves them is struck', () => {
    const noticed = new Set(cells.filter(({ outageSeconds }) => outageSeconds > 0).map(({ victim }) => victim));
    expect([...noticed].sort()).toEqual(['dockerd', 'edge', 'new', 'old', 'reboot']);
  });

  it('never lets a dead runner or a cut network end an operation', () => {
    for (const cell of cells)
      if (cell.victim === 'runner' || cell.victim === 'network')
        expect([nameOf(cell), cell.ends]).toEqual([nameOf(cell), 'done']);
  });
});

describe('a sample', () => {
  it('strikes every victim, and each step of each verb once, for any seed', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const chosen = sample(entries, seed);
      expect(new Set(chosen.map(({ victim }) => victim)).size).toBe(VICTIMS.length);
      expect(new Set(chosen.map(rowOf)).size).toBe(ROWS);
      expect(new Set(chosen.map(({ step }) => step)).size).toBe(NUMBERED.length);
      expect(chosen.length).toBe(ROWS);
    }
  });

  it('is the same for the same seed, and another for another', () => {
    const names = (seed: number): string => sample(entries, seed).map(nameOf).join();
    expect(names(7)).toBe(names(7));
    expect(new Set(Array.from({ length: 20 }, (_, seed) => names(seed))).size).toBeGreaterThan(15);
  });

  it('says so where a victim cannot be struck at all', () => {
    const without = entries.map((entry) => (entry.victim === 'disk' ? { ...entry, reason: 'none' } : entry));
    const reasons = without.map((entry) => {
      if (!('reason' in entry) || !isCell(entry)) return entry;
      const { verb, step, victim, reason } = entry;
      return { verb, step, victim, reason };
    });
    expect(() => sample(reasons, 1)).toThrow('no cell strikes disk');
  });
});
