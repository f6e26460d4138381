/** The runner host: Docker, git, Node and act, with the checkout at /src. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { machineAuthorities, npmConfiguration, reachEnvironment, resolvers } from '../standins/machine.ts';
import type { Log } from '../standins/cache.ts';
import type { Authority } from './authority.ts';
import { ensureContainer, systemFlags, type ContainerPlan } from './containers.ts';
import { must, testHost, type TestHost } from './host.ts';
import { MIRROR, registryTrust } from './registry.ts';
import type { State } from './state.ts';

const BUNDLE = '/etc/ssl/certs/ca-certificates.crt';

/** The lines of an npm configuration that say how to reach a registry; the rest is the user's taste or the machine's paths. */
export function reachOfNpm(configuration: string): string {
  const wanted = /^(?:\/\/.*|@[^:]+:registry|registry|strict-ssl|proxy|https-proxy|noproxy|always-auth|_auth\w*)\s*=/;
  return configuration
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => wanted.test(line))
    .map((line) => `${line}\n`)
    .join('');
}

/** Starts the runner of an instance. */
export async function startRunner(state: State, authority: Authority, image: string, log: Log): Promise<TestHost> {
  const daemon = {
    // The default store of Docker 26 refuses provenance and cache export.
    features: { 'containerd-snapshotter': true },
    'registry-mirrors': [MIRROR],
    // The host's own resolver is Docker's, on a loopback address that containers inside cannot reach.
    ...(resolvers().length > 0 ? { dns: resolvers() } : {}),
  };
  const npm = npmConfiguration();
  const machine = machineAuthorities();
  const files: ContainerPlan['files'] = {
    '/etc/docker/daemon.json': { content: `${JSON.stringify(daemon, null, 2)}\n`, mode: 0o644 },
    ...registryTrust(authority),
    '/usr/local/share/ca-certificates/rehearsal.crt': { content: authority.certificate, mode: 0o644 },
    '/etc/delivery/ca.pem': { content: authority.certificate, mode: 0o644 },
    // Builds that reach the npm registry need the authorities that this machine trusts.
    '/etc/delivery/machine-ca.pem': { content: machine === null ? '' : await readFile(machine), mode: 0o644 },
  };
  if (npm !== null) files['/root/.npmrc'] = { content: reachOfNpm(await readFile(npm, 'utf8')), mode: 0o600 };
  const reach = Object.entries(reachEnvironment()).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const container = await ensureContainer({
    instance: state.instance,
    log,
    host: 'runner.test',
    image,
    flags: [...systemFlags(), '-v', `${state.source}:/src:ro`, '-e', `NODE_EXTRA_CA_CERTS=${BUNDLE}`, ...reach],
    volumes: ['/var/lib/docker', '/var/lib/containerd'],
    files,
  });
  return testHost(container);
}

/** Makes root's key for the instance's VPS hosts, by the runner's ssh-keygen. */
export async function makeKey(runner: TestHost): Promise<{ private: string; public: string }> {
  const script = `umask 077; d=$(mktemp -d); ssh-keygen -q -t ed25519 -N '' -C rehearsal-admin -f "$d/key"
    cat "$d/key.pub" "$d/key"; rm -r "$d"`;
  const output = await must(runner, ['sh', '-c', script]);
  const end = output.indexOf('\n');
  return { public: output.slice(0, end), private: `${output.slice(end + 1)}\n` };
}

/** Waits until the runner trusts both bundles of authorities and its Docker answers, at most 60 seconds. */
export async function runnerReady(runner: TestHost, authority: Authority): Promise<void> {
  // The machine's bundle holds many certificates in one file, which update-ca-certificates does not take: it is appended.
  const trust = `grep -qxF "$1" ${BUNDLE} || { update-ca-certificates > /dev/null 2>&1; cat /etc/delivery/machine-ca.pem >> ${BUNDLE}; }`;
  const line = authority.certificate.split('\n')[1] ?? '';
  await must(runner, ['sh', '-c', trust, 'trust', line]);
  for (let tries = 0; tries < 240; tries += 1) {
    if ((await runner.exec(['docker', 'version', '--format', '{{.Server.Version}}'])).code === 0) return;
    await sleep(250);
  }
  const journal = await runner.exec(['journalctl', '-u', 'docker', '-n', '15', '--no-pager']);
  throw new Error(`the runner's Docker did not answer within 60 s:\n${journal.stdout}`);
}
