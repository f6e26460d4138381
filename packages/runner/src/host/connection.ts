import { diagnoseKey, readPins, SshError, type SessionOptions } from '@delivery/ssh';
import type { InputReader } from '../inputs.ts';

/** What `connectionInputs` reads besides the inputs that every action over SSH has. */
export interface ConnectionRules {
  defaultUser: string;
  /** The action also has the input `password`, for a server that has no key yet; then the key may be left out. */
  password?: boolean;
}

/** Reads and checks everything that a connection needs, down to the form of the key and of the pinned host key, before anything is sent. */
export function connectionInputs(input: InputReader, rules: ConnectionRules): SessionOptions {
  const host = input.host('vps-host');
  const port = input.port('ssh-port', 22);
  const user = input.user('vps-user', rules.defaultUser);
  const key = input.block('ssh-private-key', { secret: true, fallback: '' });
  const passphrase = input.secret('ssh-private-key-passphrase') ?? undefined;
  const password = rules.password ? (input.secret('password') ?? undefined) : undefined;
  const knownHosts = input.block('known-hosts', { fallback: '' });
  const connectTimeoutMs = input.int('connect-timeout-seconds', { fallback: 10, min: 1, max: 300 }) * 1000;

  if (key !== '' || password === undefined) {
    const diagnosis = diagnoseKey(key, passphrase);
    if (!diagnosis.ok)
      input.problems.push(
        `Input "ssh-private-key": the private key cannot be used: ${diagnosis.reason}; to repair: ${diagnosis.repair}`,
      );
  }
  try {
    readPins(knownHosts, host, port);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    input.problems.push(`Input "known-hosts": ${error.message}`);
  }
  return { host, port, user, passphrase, password, knownHosts, connectTimeoutMs, ...(key === '' ? {} : { key }) };
}
