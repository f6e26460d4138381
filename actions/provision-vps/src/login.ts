import * as core from '@actions/core';
import { diagnoseKey, openSession, readPins, SshError, type Session, type SessionOptions } from '@delivery/ssh';
import { decoded } from '../../../host/provision/shell.ts';
import type { Inputs } from './inputs.ts';

/** A session with the user and the port that it was opened for. */
export interface Login {
  session: Session;
  user: string;
  port: number;
}

export type Candidate = Pick<Login, 'user' | 'port'>;

/** A port to which sshd may not have moved yet must not hold up the run. */
const TRY_MS = 5000;

/**
 * Who is let in after the earlier runs of these inputs comes first, who is let in on a bare server last. So the same inputs work for the
 * first run and for every other one.
 */
export function candidates({ profile, connection, admin, newSshPort }: Inputs): Candidate[] {
  const { user, port } = connection;
  if (profile === 'minimal') return [{ user, port }];
  const ports = newSshPort === null || newSshPort === port ? [port] : [newSshPort, port];
  const users = admin.user === user ? [user] : [admin.user, user];
  return ports.flatMap((each) => users.map((name) => ({ user: name, port: each })));
}

/** Opens a session by the admin's key. @throws SshError */
export function openByKey(
  { password: _, ...connection }: Inputs['connection'],
  { user, port }: Candidate,
): Promise<Session> {
  return openSession({ ...connection, user, port, knownHosts: pinsFor(connection, port) });
}

/** The server's keys are the same on each of its ports, also where known-hosts names one port alone. */
function pinsFor({ knownHosts, host, port }: SessionOptions, other: number): string {
  if (other === port) return knownHosts;
  try {
    readPins(knownHosts, host, other);
    return knownHosts;
  } catch {
    return [...readPins(knownHosts, host, port).trusted].join('\n');
  }
}

/**
 * Opens the admin's session by key. Where the server does not know the key yet and a password was given, the password is used once, to
 * install the key; the session that is returned is always one that the key opened, so closing password logins later cannot lock the owner out.
 * @throws SshError
 */
export async function loginAsAdmin(inputs: Inputs, open = openByKey): Promise<Login> {
  const { connection } = inputs;
  const { user, port, password } = connection;
  const last = { user, port };
  const closed = new Set<number>();
  const refused: string[] = [];
  for (const candidate of candidates(inputs)) {
    if (closed.has(candidate.port)) continue;
    const final = candidate.user === user && candidate.port === port;
    const connectTimeoutMs =
      candidate.port === port ? connection.connectTimeoutMs : Math.min(connection.connectTimeoutMs, TRY_MS);
    try {
      return { ...candidate, session: await open({ ...connection, connectTimeoutMs }, candidate) };
    } catch (error) {
      if (!(error instanceof SshError)) throw error;
      const elsewhere = candidate.port !== port;
      // Whatever else listens on the new port is not sshd's yet.
      if (elsewhere && ['unreachable', 'handshake', 'host-key'].includes(error.kind)) closed.add(candidate.port);
      else if (error.kind !== 'auth') throw error;
      else if (final && password === undefined) throw withTries(error, refused);
      refused.push(`${candidate.user} on port ${candidate.port}`);
    }
  }
  core.info(
    `${user}@${connection.host} does not know the key yet: it is installed with the password, which is not needed again`,
  );
  const { key, ...rest } = connection;
  const first = await openSession(rest);
  try {
    await installKey(first, key, rest.passphrase);
  } finally {
    first.close();
  }
  return { ...last, session: await open(connection, last) };
}

function withTries(error: SshError, refused: readonly string[]): SshError {
  if (refused.length === 0) return error;
  return new SshError(error.kind, `${error.message} Tried before it: ${refused.join(', ')}`);
}

async function installKey(session: Session, privateKey: string, passphrase: string | undefined): Promise<void> {
  const key = diagnoseKey(privateKey, passphrase);
  if (!key.ok) throw new SshError('input', key.reason);
  const script = `set -eu
umask 077
main() {
line=$(${decoded(key.publicLine)})
mkdir -p "$HOME/.ssh"
touch "$HOME/.ssh/authorized_keys"
grep -q -F "$line" "$HOME/.ssh/authorized_keys" || printf '\\n%s\\n' "$line" >>"$HOME/.ssh/authorized_keys"
}
main </dev/null
`;
  const { code, stderrTail } = await session.exec('sh -s', { stdin: script, timeoutMs: 30_000 });
  if (code !== 0) throw new Error(`The key could not be installed: ${stderrTail || `exit code ${code}`}`);
}
