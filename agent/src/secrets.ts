import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { hashSecrets, parseEnvFile } from '@delivery/release';
import { readIfThere, writeAtomically } from './files.ts';
import type { Paths } from './paths.ts';

/** The host's secrets by name; empty where there is no `.env` yet. */
export function hostSecrets(paths: Paths): Record<string, string> {
  return parseEnvFile(readIfThere(paths.env) ?? '');
}

/** Salted hashes of the secrets that a release names. The salt is made once per app and never leaves the host. */
export function secretHashes(
  paths: Paths,
  names: readonly string[],
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  const path = join(paths.app, 'salt');
  let salt = readIfThere(path)?.trim();
  if (salt === undefined || salt === '') {
    salt = randomBytes(32).toString('hex');
    writeAtomically(path, `${salt}\n`, { mode: 0o600 });
  }
  return hashSecrets(salt, Object.fromEntries(names.map((name) => [name, values[name] ?? ''])));
}
