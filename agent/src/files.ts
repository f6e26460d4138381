import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
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
  try {
    const descriptor = openSync(temporary, 'w', options.mode ?? 0o644);
    try {
      writeAll(descriptor, text, 0);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/**
 * Writes the whole of `text` from byte `position` on. One call of the system may write only the part that the disk still has room for
 * and call that a success; the next one then says what is wrong, and that is thrown.
 */
export function writeAll(descriptor: number, text: string | Buffer, position: number): void {
  const bytes = Buffer.from(text);
  let done = 0;
  while (done < bytes.length) done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
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
