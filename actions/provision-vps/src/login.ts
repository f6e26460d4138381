import * as core from '@actions/core';
import { diagnoseKey, openSession, SshError, type Session } from '@delivery/ssh';
import { decoded } from '../../../host/provision/shell.ts';
import type { Inputs } from './inputs.ts';

/**
 * Opens the admin's session by key. Where the server does not know the key yet and a password was given, the password is used once, to
 * install the key; the session that is returned is always one that the key opened, so closing password logins later cannot lock the owner out.
 * @throws SshError
 */
export async function loginAsAdmin({ key, password, ...rest }: Inputs['connection']): Promise<Session> {
  try {
    return await openSession({ ...rest, key });
  } catch (error) {
    if (password === undefined || !(error instanceof SshError) || error.kind !== 'auth') throw error;
  }
  core.info(
    `${rest.user}@${rest.host} does not know the key yet: it is installed with the password, which is not needed again`,
  );
  const first = await openSession({ ...rest, password });
  try {
    await installKey(first, key, rest.passphrase);
  } finally {
    first.close();
  }
  return await openSession({ ...rest, key });
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
