/** The cache of built artefacts: outside the tree, keyed by the content of their recipe, shared by all runs of a machine. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A line-wise reporter of what takes time. */
export type Log = (line: string) => void;

/** Directory of the cache; honours XDG_CACHE_HOME. */
export function cacheDirectory(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'delivery-rehearsal');
}

/** Twelve hex digits that change with any part of a recipe. */
export function recipeKey(...parts: string[]): string {
  const hash = createHash('sha256');
  // The length goes in too, so that no two lists of parts can run together to the same text.
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}\n`);
  return hash.digest('hex').slice(0, 12);
}

/**
 * Runs a piece of work while holding the machine-wide lock of this name; a second run waits.
 * The lock is the kernel's (flock), so a run that dies gives it back.
 */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const directory = join(cacheDirectory(), 'locks');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const holder = spawn('flock', ['-x', join(directory, name), 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'close');
  const held = await Promise.race([once(holder.stdout, 'data').then(() => true), ended.then(() => false)]);
  if (!held) throw new Error(`the lock ${name} could not be taken: flock (util-linux) ended early`);
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}

/**
 * Gives the directory of an artefact and builds it first where it is missing.
 * `build` fills an empty directory, which becomes visible only when it is complete.
 */
export async function ensureArtefact(
  name: string,
  key: string,
  build: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = join(cacheDirectory(), `${name}-${key}`);
  if (existsSync(directory)) return directory;
  return withLock(`${name}-${key}`, async () => {
    if (existsSync(directory)) return directory;
    const partial = `${directory}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    await build(partial);
    await rename(partial, directory);
    return directory;
  });
}
