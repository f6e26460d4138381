/** The registry host: the project's own registry with TLS and a login, and the stand-in for Docker Hub. */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../standins/command.ts';
import type { Log } from '../standins/cache.ts';
import type { Authority } from './authority.ts';
import { ensureContainer, type ContainerPlan } from './containers.ts';
import type { TestHost } from './host.ts';
import type { State } from './state.ts';

/** The Docker Hub mirror, as the test hosts see it. */
export const MIRROR = 'https://registry.test:5001';

/** The authority for both registries, at the place where Docker looks for it. */
export function registryTrust(authority: Authority): ContainerPlan['files'] {
  return Object.fromEntries(
    [5000, 5001].map((port) => [
      `/etc/docker/certs.d/registry.test:${port}/ca.crt`,
      { content: authority.certificate, mode: 0o644 },
    ]),
  );
}

/** The registry's only user. */
export const USERNAME = 'rehearsal';

/** A line for htpasswd. The registry takes bcrypt only; perl (part of every Debian) has it through the system's crypt(3). */
async function htpasswd(username: string, password: string): Promise<string> {
  const letters = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  // The last of bcrypt's 22 letters carries two bits only.
  const salt = Array.from({ length: 21 }, () => letters[randomInt(64)]).join('') + '.Oeu'.charAt(randomInt(4));
  const hash = await run('perl', ['-e', 'chomp(my $p = <STDIN>); print crypt($p, $ARGV[0])', `$2b$05$${salt}`], {
    input: `${password}\n`,
  });
  if (!hash.startsWith('$2b$')) throw new Error('crypt(3) of this machine knows no bcrypt');
  return `${username}:${hash}\n`;
}

/** Starts the registry host of an instance. */
export async function startRegistry(
  state: State,
  authority: Authority,
  image: string,
  mirror: string,
  log: Log,
): Promise<void> {
  const tls = await authority.issue(['registry.test', 'localhost', '127.0.0.1']);
  await ensureContainer({
    instance: state.instance,
    log,
    host: 'registry.test',
    image,
    flags: ['-p', `127.0.0.1:${state.registry.port}:5000`, '-v', `${mirror}:/var/lib/mirror:ro`],
    volumes: ['/var/lib/registry'],
    files: {
      '/etc/rehearsal/htpasswd': {
        content: await htpasswd(state.registry.username, state.registry.password),
        mode: 0o600,
      },
      '/etc/rehearsal/tls/certificate.pem': { content: tls.certificate, mode: 0o644 },
      '/etc/rehearsal/tls/key.pem': { content: tls.key, mode: 0o600 },
    },
  });
}

/** Waits until both registries answer the runner, at most 20 seconds. */
export async function registryReady(runner: TestHost): Promise<void> {
  const script = `ca=/usr/local/share/ca-certificates/rehearsal.crt
    [ "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" https://registry.test:5000/v2/)" = 401 ] &&
    [ "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" ${MIRROR}/v2/)" = 200 ]`;
  for (let tries = 0; tries < 80; tries += 1) {
    if ((await runner.exec(['sh', '-c', script])).code === 0) return;
    await sleep(250);
  }
  throw new Error('the registries did not answer the runner within 20 s');
}
