import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { StepError } from './failure.ts';
import { flock } from './lock.ts';

const RETRY_MS = 10;
/** Holders read some files and write one, or remove one image. */
const LIMIT_MS = 15_000;

/**
 * Does `work` while no other app of this host does what this lock is for. Like an app's own lock it goes with the process that holds it.
 * @param what names the lock in the error
 * @throws StepError `host_busy` where it is not to be had
 */
export async function withHostLock<T>(path: string, what: string, work: () => T | Promise<T>): Promise<T> {
  const descriptor = openSync(path, 'a', 0o644);
  try {
    const began = performance.now();
    while (!(await flock(descriptor, '-x'))) {
      if (performance.now() - began > LIMIT_MS)
        throw new StepError(
          'host_busy',
          `${path}: another app of this host has held the lock of ${what} for ${String(LIMIT_MS / 1000)} s`,
        );
      await sleep(RETRY_MS);
    }
    return await work();
  } finally {
    closeSync(descriptor);
  }
}
