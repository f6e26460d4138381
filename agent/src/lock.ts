import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Paths } from './paths.ts';
import { readIfThere, writeAtomically } from './files.ts';

/** Who holds the lock; beside it for people and for `status`. `draining` has switched already and only waits for old connections. */
export interface Owner {
  operation: string;
  actor: string;
  run: string;
  verb: 'deploy' | 'rollback' | 'backing';
  startedAt: string;
  phase: 'working' | 'draining';
}

/** A probe by `status` holds the lock for some milliseconds; so does nobody else for that short. */
const PROBE_MS = 150;
const RETRY_MS = 25;
/** A holder without a note is one that is just beginning or ending: the note goes first, the lock with the process. */
const LEAVING_MS = 2000;

/**
 * util-linux `flock` on a descriptor of ours: the lock belongs to the open file, so it lives exactly as long as this process, however
 * that ends. The file is never unlinked (a waiter would lock a file that nobody else sees).
 */
export function flock(descriptor: number, mode: '-x' | '-s' | '-u'): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['-n', mode, '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code === 0));
  });
}

/** Locks an open file for as long as this process lives; nobody else can have it. Throws where that is not so. */
export function holdOpenFile(descriptor: number): void {
  const { status, error } = spawnSync('flock', ['-n', '-x', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
  });
  if (status !== 0) throw new Error(`flock: ${error?.message ?? `exit ${String(status)}`}`);
}

/** Whether a process holds the file at `path` locked; false where there is none. */
export async function isHeld(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  const descriptor = openSync(path, 'r');
  try {
    return !(await flock(descriptor, '-s'));
  } finally {
    closeSync(descriptor);
  }
}

export class Lock {
  private readonly paths: Paths;
  private readonly owner: Owner;

  private constructor(paths: Paths, owner: Owner) {
    this.paths = paths;
    this.owner = owner;
    writeAtomically(paths.owner, `${JSON.stringify(owner)}\n`);
  }

  /**
   * Takes the lock or returns its holder. Waits up to `waitSeconds`, and in any case while the holder only drains: its switch is
   * over and its end is bounded by its own drain limit.
   * @param onWait told once who is waited for
   */
  static async take(
    paths: Paths,
    owner: Owner,
    waitSeconds: number,
    onWait: (holder: Owner | null) => void,
  ): Promise<Lock | { busy: Owner | null }> {
    mkdirSync(dirname(paths.lock), { recursive: true });
    const descriptor = openSync(paths.lock, 'a', 0o644);
    const began = performance.now();
    let told = false;
    /** When a holder was last seen by name, ms after the beginning. */
    let named = 0;
    for (;;) {
      if (await flock(descriptor, '-x')) return new Lock(paths, owner);
      const holder = readOwner(paths);
      const waited = performance.now() - began;
      if (holder !== null) named = waited;
      const patience = Math.max(PROBE_MS, waitSeconds * 1000, holder === null ? named + LEAVING_MS : 0);
      if (waited >= patience && holder?.phase !== 'draining') {
        closeSync(descriptor);
        return { busy: holder };
      }
      if (!told && waited >= PROBE_MS) {
        onWait(holder);
        told = true;
      }
      await sleep(waited < 1000 ? RETRY_MS : 200);
    }
  }

  draining(): void {
    writeAtomically(this.paths.owner, `${JSON.stringify({ ...this.owner, phase: 'draining' })}\n`);
  }

  /** Removes the note of the owner; the lock itself goes with the process. */
  release(): void {
    rmSync(this.paths.owner, { force: true });
  }
}

/** The holder by its own note, whether it still lives or not. */
export function readOwner(paths: Paths): Owner | null {
  const text = readIfThere(paths.owner);
  if (text === null) return null;
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return null;
  }
}

/** Who holds the lock right now, or null where nobody does. */
export async function holder(paths: Paths): Promise<Owner | null> {
  return (await isHeld(paths.lock)) ? readOwner(paths) : null;
}
