import { createHash } from 'node:crypto';
import { ContractError } from './contract-error.ts';
import { SECRET_NAME } from './ids.ts';

/**
 * Hash of a secret for the ledger, 64 hex digits. The salt belongs to the host (a random file beside the ledger, mode 0600, at least
 * 16 bytes) and is never shown: the ledger travels in `status`, and a short secret must not be guessable from it.
 * The parts are separated by NUL, which neither a name nor a value can hold, so that no two pairs hash alike.
 */
export function hashSecret(salt: string, name: string, value: string): string {
  if (Buffer.byteLength(salt) < 16 || salt.includes('\0')) {
    throw new ContractError('salt', 'salt: at least 16 bytes without NUL are needed');
  }
  if (!SECRET_NAME.test(name))
    throw new ContractError('secret_name', `secret name ${JSON.stringify(name)}: must match ${SECRET_NAME.source}`);
  return createHash('sha256').update(`${salt}\0${name}\0${value}`, 'utf8').digest('hex');
}

/** Hashes of all of them, names sorted. */
export function hashSecrets(salt: string, values: Readonly<Record<string, string>>): Record<string, string> {
  const names = Object.keys(values).sort();
  return Object.fromEntries(names.map((name) => [name, hashSecret(salt, name, values[name] ?? '')]));
}

export interface SecretChange {
  added: string[];
  changed: string[];
  removed: string[];
}

/** Difference between two sets of hashes by name: what was started with, and what is there now. */
export function compareSecrets(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): SecretChange {
  const names = Object.keys(after).sort();
  return {
    added: names.filter((name) => !Object.hasOwn(before, name)),
    changed: names.filter((name) => Object.hasOwn(before, name) && before[name] !== after[name]),
    removed: Object.keys(before)
      .filter((name) => !Object.hasOwn(after, name))
      .sort(),
  };
}

/** Required names that have no value or an empty one, sorted: what a deploy or a rollback refuses by name. */
export function missingSecrets(required: readonly string[], values: Readonly<Record<string, string>>): string[] {
  return required.filter((name) => !Object.hasOwn(values, name) || values[name] === '').sort();
}
