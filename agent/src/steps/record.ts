import { closeSync, existsSync, fsyncSync, ftruncateSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { appendLine } from '@delivery/release';
import type { LedgerEntry, NewLedgerEntry } from '@delivery/release';
import { readIfThere, syncDirectory, writeAll, writeAtomically } from '../files.ts';
import type { Paths } from '../paths.ts';

/** Appends to the ledger and flushes it; a torn last line of a crash is cut off first. Throws where the line is not whole on disk. */
export function appendLedger(paths: Paths, entry: NewLedgerEntry): LedgerEntry {
  mkdirSync(dirname(paths.ledger), { recursive: true });
  const appended = appendLine(readIfThere(paths.ledger) ?? '', entry);
  const descriptor = openSync(paths.ledger, existsSync(paths.ledger) ? 'r+' : 'w', 0o644);
  try {
    ftruncateSync(descriptor, appended.keepBytes);
    try {
      writeAll(descriptor, appended.line, appended.keepBytes);
    } catch (error) {
      ftruncateSync(descriptor, appended.keepBytes);
      throw error;
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return appended.entry;
}

/** Writes the secrets that a deploy starts with; those before it stay at hand until it is confirmed. */
export function placeSecrets(paths: Paths, text: string): void {
  const before = readIfThere(paths.env) ?? '';
  if (before === text && existsSync(paths.env)) return;
  writeAtomically(paths.envBefore, before, { mode: 0o600 });
  writeAtomically(paths.env, text, { mode: 0o600 });
}

/** The deploy is confirmed: its secrets are the host's. */
export function keepSecrets(paths: Paths): void {
  rmSync(paths.envBefore, { force: true });
}

/** The deploy is off: the secrets before it are back. */
export function restoreSecrets(paths: Paths): void {
  if (!existsSync(paths.envBefore)) return;
  renameSync(paths.envBefore, paths.env);
  syncDirectory(paths.app);
}

/** The route of before only matters while a switch is under way. */
export function clearTraces(paths: Paths): void {
  rmSync(paths.routeBefore, { force: true });
}
