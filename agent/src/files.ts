import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The text of a file, or null where there is none. Other errors are thrown. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Writes `text` beside or in `staging`, flushes it to disk and renames it into place, so that a reader sees the old file or the new
 * one and a power cut leaves one of the two. `staging` must be on the file system of `path`.
 */
export function writeAtomically(
  path: string,
  text: string | Buffer,
  options: { mode?: number; staging?: string } = {},
): void {
  const directory = options.staging ?? dirname(path);
  mkdirSync(directory, { recursive: true });
  const temporary = join(directory, `.${path.slice(dirname(path).length + 1)}.${String(process.pid)}.tmp`);
  const descriptor = openSync(temporary, 'w', options.mode ?? 0o644);
  try {
    writeSync(descriptor, text as Buffer);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
  syncDirectory(dirname(path));
}

/** Makes a rename in `directory` durable. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Appends one line and flushes it before returning. */
export function appendDurably(path: string, line: string): void {
  const descriptor = openSync(path, 'a', 0o644);
  try {
    writeSync(descriptor, line);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
