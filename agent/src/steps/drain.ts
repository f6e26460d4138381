import { setTimeout as sleep } from 'node:timers/promises';
import { establishedTo } from '../sockets.ts';

const POLL_MS = 100;
/** Between the first look that finds none and the one that confirms it. */
const CONFIRM_MS = 25;

/**
 * Waits until the edge has no established connection to the old replicas any more, seen twice in a row, or `seconds` have passed.
 * @param remote addresses of the old replicas
 * @param count how many connections there are; the edge's own tables by default
 * @param stop ends the waiting at once: what was to be drained is needed again
 * @returns how many connections were left and will be cut
 */
export async function drain(
  remote: ReadonlySet<string>,
  seconds: number,
  count: (remote: ReadonlySet<string>) => number = establishedTo,
  stop?: AbortSignal,
): Promise<{ cut: number; ms: number }> {
  const began = performance.now();
  let quiet = 0;
  for (;;) {
    const open = remote.size === 0 ? 0 : count(remote);
    quiet = open === 0 ? quiet + 1 : 0;
    const ms = Math.round(performance.now() - began);
    if (quiet >= 2 || remote.size === 0) return { cut: 0, ms };
    if (ms >= seconds * 1000 || stop?.aborted === true) return { cut: open, ms };
    await sleep(quiet > 0 ? CONFIRM_MS : POLL_MS);
  }
}
