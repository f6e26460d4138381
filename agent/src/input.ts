import { readSync } from 'node:fs';
import { ENVELOPE_MAX_BYTES } from '@delivery/release';

/** Standard input to its end, at most one byte more than an envelope may have. */
export function readInput(): string {
  const chunks: Buffer[] = [];
  let size = 0;
  const chunk = Buffer.alloc(64 * 1024);
  while (size <= ENVELOPE_MAX_BYTES) {
    let read: number;
    try {
      read = readSync(0, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
        // The descriptor does not block: look again in a moment.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
        continue;
      }
      if ((error as NodeJS.ErrnoException).code === 'EOF') break;
      throw error;
    }
    if (read === 0) break;
    chunks.push(Buffer.from(chunk.subarray(0, read)));
    size += read;
  }
  return Buffer.concat(chunks).toString('utf8');
}
