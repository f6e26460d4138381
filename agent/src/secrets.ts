import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { compareSecrets, hashSecrets, parseEnvFile, wentLive } from '@delivery/release';
import type { Ledger } from '@delivery/release';
import { readIfThere, writeAtomically } from './files.ts';
import type { Paths } from './paths.ts';

/** The host's secrets by name; empty where there is no `.env` yet. */
export function hostSecrets(paths: Paths): Record<string, string> {
  return parseEnvFile(readIfThere(paths.env) ?? '');
}

/** Salted hashes of the secrets that a release names. */
export function secretHashes(
  paths: Paths,
  names: readonly string[],
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  return hashSecrets(salt(paths), Object.fromEntries(names.map((name) => [name, values[name] ?? ''])));
}

/** Salted hash of the whole text of a `.env`. */
export function environmentHash(paths: Paths, text: string): string {
  return createHmac('sha256', salt(paths)).update(text).digest('hex');
}

/**
 * Whether the release was last started with the secrets of these hashes.
 * @param environment salted hash of today's whole `.env`; not compared where the ledger does not know what there was
 */
export function startedWith(
  ledger: Ledger,
  release: string,
  today: Readonly<Record<string, string>>,
  environment?: string,
): boolean {
  const entry = ledger.findLast((item) => item.release === release && wentLive(item));
  if (entry === undefined) return false;
  if (entry.environment !== undefined && environment !== undefined && entry.environment !== environment) return false;
  const { added, changed, removed } = compareSecrets(entry.secrets, today);
  return added.length + changed.length + removed.length === 0;
}

/** Made once per app; never leaves the host. */
function salt(paths: Paths): string {
  const path = join(paths.app, 'salt');
  const known = readIfThere(path)?.trim() ?? '';
  if (known !== '') return known;
  const made = randomBytes(32).toString('hex');
  writeAtomically(path, `${made}\n`, { mode: 0o600 });
  return made;
}
