import { setTimeout as sleep } from 'node:timers/promises';
import { textOf } from './engine.ts';
import type { Plan } from './types.ts';

/** What writes an answer out. The offline one is built in; a remote model would be another implementation. */
export interface TutorProvider {
  readonly id: string;
  /** Whether questions can be answered now; health reports it. */
  available(): boolean;
  /** The pieces of the answer, in order; joined they are the whole text. */
  stream(decided: Plan, signal: AbortSignal): AsyncIterable<string>;
}

/** Pieces of about three words, so that a phone gets few frames and the answer still grows visibly. */
export function piecesOf(text: string): string[] {
  return text.match(/\s*\S+(?:[ ]\S+){0,2}/g) ?? [];
}

/** Answers from the built-in lessons, in this process, with no network. */
export function offlineProvider(paceMs: number): TutorProvider {
  return {
    id: 'offline',
    available: () => true,
    async *stream(decided, signal) {
      for (const piece of piecesOf(textOf(decided))) {
        signal.throwIfAborted();
        yield piece;
        if (paceMs > 0) await sleep(paceMs, undefined, { signal });
      }
    },
  };
}
