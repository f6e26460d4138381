/** What the machine brings along: packages, dockerd, and how it reaches Debian and npm. Read at run time, never stored in the tree. */
import { spawn } from 'node:child_process';
import { existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheDirectory, withLock, type Log } from './cache.ts';
import { attempt, run } from './command.ts';

/** The Debian release that the test hosts run. */
export const SUITE = 'trixie';

/** Installs Debian packages of the machine where one of the programs is missing. */
export async function ensureProgram(program: string, packages: string[], log: Log): Promise<void> {
  const found = (process.env['PATH'] ?? '/usr/bin:/bin').split(':').concat('/usr/sbin', '/sbin');
  if (found.some((directory) => existsSync(join(directory, program)))) return;
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Error(`${program} is missing and this is no Debian-like machine; install ${packages.join(', ')} by hand`);
  }
  log(`installing ${packages.join(', ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const argv = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  if ((await attempt('apt-get', argv, { env })).code === 0) return;
  await run('apt-get', ['update', '-q'], { env });
  await run('apt-get', argv, { env });
}

/** Makes a Docker daemon answer: installs docker.io and starts dockerd where there is none (there may be no init system). */
export async function ensureDocker(log: Log = () => undefined): Promise<void> {
  if ((await attempt('docker', ['version', '--format', '{{.Server.Version}}'])).code === 0) return;
  await withLock('dockerd', async () => {
    await ensureProgram('docker', ['docker.io', 'docker-cli'], log).catch(() =>
      ensureProgram('docker', ['docker.io'], log),
    );
    await ensureProgram('dockerd', ['docker.io'], log);
    if ((await attempt('docker', ['version'])).code === 0) return;
    if (existsSync('/run/systemd/system')) {
      await run('systemctl', ['start', 'docker']);
    } else {
      log('starting dockerd');
      await mkdir(cacheDirectory(), { recursive: true });
      const output = openSync(join(cacheDirectory(), 'dockerd.log'), 'a');
      spawn('dockerd', [], { detached: true, stdio: ['ignore', output, output] }).unref();
    }
    for (let tries = 0; tries < 120; tries += 1) {
      if ((await attempt('docker', ['version'])).code === 0) return;
      await sleep(250);
    }
    throw new Error(`dockerd did not answer within 30 s; its log is ${join(cacheDirectory(), 'dockerd.log')}`);
  });
}

/** Where Debian packages come from on this machine. */
export interface DebianMirror {
  archive: string;
  security: string;
}

/** Picks the Debian mirrors out of the text of apt source files (both formats); null where none is named, as on Ubuntu. */
export function parseMirror(sources: string): DebianMirror | null {
  const addresses = sources
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.match(/https?:\/\/[^\s\]]+/g) ?? [])
    .map((address) => address.replace(/\/+$/, ''));
  const archive = addresses.find((address) => address.endsWith('/debian'));
  const security = addresses.find((address) => address.endsWith('/debian-security'));
  return archive === undefined || security === undefined ? null : { archive, security };
}

/** The machine's Debian mirrors, from its apt sources. */
export function debianMirror(): DebianMirror | null {
  const files = ['/etc/apt/sources.list'];
  const directory = '/etc/apt/sources.list.d';
  if (existsSync(directory)) files.push(...readdirSync(directory).map((name) => join(directory, name)));
  return parseMirror(
    files
      .filter((file) => existsSync(file))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n'),
  );
}

/** apt settings of the machine that its mirror may need (a proxy, a frozen snapshot), as a configuration file. */
export async function aptSettings(): Promise<string> {
  const dump = await attempt('apt-config', ['dump']);
  const wanted = /^Acquire::(?:https?::Proxy|Check-Valid-Until|Check-Date) "[^"]+";$/;
  return dump.stdout
    .split('\n')
    .filter((line) => wanted.test(line))
    .map((line) => `${line}\n`)
    .join('');
}

/** apt's list of sources for the test hosts, by the machine's mirror. */
export function aptSources(mirror: DebianMirror | null): string {
  // Nothing said means the installer's own choice of mirror.
  if (mirror === null) return '';
  return [
    `deb ${mirror.archive} ${SUITE} main`,
    `deb ${mirror.archive} ${SUITE}-updates main`,
    `deb ${mirror.security} ${SUITE}-security main`,
    '',
  ].join('\n');
}

/** The machine's bundle of certificate authorities (a company's proxy adds its own there), or null. */
export function machineAuthorities(): string | null {
  const candidates = [
    process.env['NODE_EXTRA_CA_CERTS'],
    process.env['SSL_CERT_FILE'],
    '/etc/ssl/certs/ca-certificates.crt',
  ];
  return candidates.find((file) => file !== undefined && existsSync(file)) ?? null;
}

/** The machine's npm configuration file, or null. */
export function npmConfiguration(): string | null {
  const file = process.env['NPM_CONFIG_USERCONFIG'] ?? join(homedir(), '.npmrc');
  return existsSync(file) ? file : null;
}

/** Proxy variables and npm and pip settings of the environment that a test host needs to reach the same registries. */
export function reachEnvironment(): Record<string, string> {
  const wanted = /^(?:https?_proxy|no_proxy|npm_config_registry|npm_config_replace_registry_host|pip_index_url)$/i;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (wanted.test(name) && value ? [[name, value]] : [])),
  );
}

/** Addresses of the resolvers that containers can reach, out of the text of a resolv.conf. */
export function parseResolvers(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? [])
    .filter((address) => !address.startsWith('127.') && address !== '::1');
}

/** The machine's resolvers; behind systemd's stub those that it asks itself. */
export function resolvers(): string[] {
  for (const file of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    const found = existsSync(file) ? parseResolvers(readFileSync(file, 'utf8')) : [];
    if (found.length > 0) return found;
  }
  return [];
}

/** True where this process, and so a dockerd that it starts, may raise resource limits: `--privileged` needs it. */
export function maySetResources(status = readFileSync('/proc/self/status', 'utf8')): boolean {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${bounding}`) >> 24n) & 1n) === 1n;
}

/** The machine's version of control groups. */
export function cgroupVersion(): 1 | 2 {
  return existsSync('/sys/fs/cgroup/cgroup.controllers') ? 2 : 1;
}
