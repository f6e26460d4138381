import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { dockerSource, packagesOf, packageTasks, type DockerSource } from '../packages.ts';
import { FakeHost } from './fake-host.ts';
import { DOCKER_FINGERPRINT, dockerSources, ONLY_KEY_SHELL } from '../repository.ts';

const UBUNTU = { profile: 'hardened', os: 'ubuntu', codename: 'noble', apparmor: false } as const;
const debian = (version: string): { id: string; version: string; name: string; codename: string } => ({
  ...{ id: 'debian', version, name: 'Debian', codename: 'x' },
});

describe('where Docker comes from', () => {
  it('is what is there already, or what is asked for', () => {
    const cases: [string, string[], DockerSource, DockerSource][] = [
      ['13', [], 'distribution', 'distribution'],
      ['13', [], 'docker', 'docker'],
      ['12', [], 'docker', 'docker'],
      ['13', ['docker.io'], 'distribution', 'distribution'],
      ['13', ['docker-ce'], 'distribution', 'docker'],
      ['12', ['docker-ce'], 'distribution', 'docker'],
    ];
    for (const [version, dockerPackages, asked, from] of cases)
      expect(dockerSource({ os: debian(version), dockerPackages }, asked)).toEqual({ from, refusals: [] });
  });

  it.each([
    ['12', [], 'distribution', 'Debian 12 has Docker 20.10'],
    ['12', ['docker.io'], 'distribution', 'Debian 12 has Docker 20.10'],
    ['13', ['docker.io'], 'docker', 'docker.io is installed and "docker-packages" asks for docker-ce'],
    ['13', ['docker.io', 'docker-ce'], 'docker', 'docker-ce and docker.io are both installed'],
    ['13', ['podman-docker'], 'distribution', 'podman-docker is installed'],
    ['13', ['snap:docker', 'moby-engine'], 'docker', 'snap:docker and moby-engine is installed'],
  ] as const)(
    'refuses by name, on Debian %s with %j installed and "%s" asked for: %s',
    (version, dockerPackages, asked, why) => {
      const { refusals } = dockerSource({ os: debian(version), dockerPackages: [...dockerPackages] }, asked);
      expect(refusals).toEqual([expect.stringContaining(why)]);
    },
  );

  it('never installs one kind beside the other', () => {
    const names = (dockerFrom: 'distribution' | 'docker'): string[] => packagesOf({ ...UBUNTU, dockerFrom });
    expect(names('docker')).not.toContain('docker.io');
    expect(names('docker')).toEqual(expect.arrayContaining(['docker-ce', 'docker-compose-plugin', 'ufw']));
    expect(names('distribution')).toEqual(expect.arrayContaining(['docker.io', 'docker-compose-v2', 'ufw']));
    expect(names('distribution').filter((name) => name.startsWith('docker-ce'))).toEqual([]);
  });

  it('asks for no guard of ours on a server that somebody else keeps', () => {
    expect(packagesOf({ ...UBUNTU, profile: 'minimal', dockerFrom: 'distribution' })).toEqual([
      ...['docker.io', 'docker-compose-v2', 'ca-certificates', 'curl'],
    ]);
  });
});

describe('the installation of packages', () => {
  let host: FakeHost;
  beforeEach(() => {
    host = new FakeHost();
    host.program('cloud-init');
    host.program('timeout', 'shift; exec "$@"');
    host.program('sleep');
    host.program('dpkg-query', `[ ! -e ${host.root}/done ] || for name in "$@"; do echo "installed $name"; done`);
    host.program('apt-get', `case "$*" in *' install '*) : >${host.root}/done ;; esac`);
  });
  afterEach(() => host.remove());
  const run = (): string[] => host.run(packageTasks({ ...UBUNTU, dockerFrom: 'distribution' }), []);

  it("waits for the first boot's own installer, and for one that holds the lock", () => {
    host.program(
      'dpkg',
      `[ $(grep -c '^dpkg --configure' ${host.root}/calls) -gt 2 ] || { echo 'dpkg: error: dpkg frontend lock was locked by another process'; exit 2; }`,
    );
    expect(run()[0]).toMatch(/^packages changed installed: docker.io /);
    const order = host.calls().filter((call) => !/^dpkg-query/.test(call));
    expect(order.map((call) => call.split(' ')[0])).toEqual([
      ...['timeout', 'cloud-init', 'dpkg', 'sleep', 'dpkg', 'sleep', 'dpkg', 'apt-get', 'apt-get'],
    ]);
    expect(order).toContain('cloud-init status --wait');
    for (const call of order.slice(-2)) expect(call).toContain('DPkg::Lock::Timeout=300');
    expect(run()).toEqual(['packages ok']);
    // One look for all packages.
    expect(host.calls()).toHaveLength(1);
  });

  it('does not wait for a package that cannot be configured, and says which', () => {
    host.program('dpkg', "echo 'dpkg: error processing package broken (--configure)'; exit 1");
    expect(run()[0]).toMatch(/^packages failed .*error processing package broken/);
    expect(host.calls().filter((call) => call.startsWith('sleep'))).toEqual([]);
  });

  it('says why the packages did not come: what the mirror answered', () => {
    host.program('dpkg');
    host.program(
      'apt-get',
      `case "$*" in *update) echo 'Err:1 http://mirror.invalid trixie'; echo 'W: Failed to fetch' ;; *) echo 'E: Unable to locate package docker.io'; exit 100 ;; esac`,
    );
    expect(run()[0]).toMatch(/^packages failed .*Unable to locate package docker.io; Err:1 http:\/\/mirror.invalid/);
  });
});

describe("Docker's repository", () => {
  it('is written as apt reads it, by one key of its own', () => {
    expect(dockerSources({ os: 'debian', codename: 'bookworm' })).toBe(
      [
        ...['# Managed by provision-vps.', 'Types: deb', 'URIs: https://download.docker.com/linux/debian'],
        ...['Suites: bookworm', 'Components: stable', 'Signed-By: /etc/apt/keyrings/docker.asc', ''],
      ].join('\n'),
    );
    expect(DOCKER_FINGERPRINT).toBe('9DC858229FC7DD38854AE2D88D81803C0EBFCD88');
  });

  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'key-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** A packet of OpenPGP in the old format with two bytes of length, or in the new one. */
  const packet = (tag: number, body: Buffer, modern = false): Buffer =>
    modern
      ? Buffer.concat([Buffer.from([192 + tag, 255, 0, 0, body.length >> 8, body.length & 255]), body])
      : Buffer.concat([Buffer.from([128 + tag * 4 + 1, body.length >> 8, body.length & 255]), body]);
  const key = packet(6, Buffer.alloc(525, 4));
  const fingerprint = createHash('sha1').update(key).digest('hex').toUpperCase();
  const armoured = (bytes: Buffer): string =>
    `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${bytes.toString('base64').replace(/.{64}/g, '$&\n')}\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n`;

  function accepts(text: string, wanted = fingerprint): boolean {
    writeFileSync(join(directory, 'docker.asc'), text);
    const script = `${ONLY_KEY_SHELL}\nonly_key "$work/docker.asc" ${wanted}`;
    return spawnSync('sh', ['-euc', script], { env: { ...process.env, work: directory } }).status === 0;
  }

  it('takes the key of this fingerprint, with its name, signatures and subkeys', () => {
    const rest = [
      packet(13, Buffer.from('name')),
      packet(2, Buffer.alloc(300)),
      packet(14, Buffer.alloc(525, 5), true),
    ];
    expect(accepts(armoured(Buffer.concat([key, ...rest])))).toBe(true);
  });

  it('takes no key but this one alone', () => {
    const others: [string, string][] = [
      ['another key', armoured(packet(6, Buffer.alloc(525, 7)))],
      [
        'a second key behind it',
        armoured(Buffer.concat([key, packet(13, Buffer.from('x')), packet(6, Buffer.alloc(525, 9))])),
      ],
      ['a second key in the new format', armoured(Buffer.concat([key, packet(6, Buffer.alloc(525, 9), true)]))],
      ['a second block', armoured(key) + armoured(packet(6, Buffer.alloc(525, 9)))],
      ['a key that is cut', armoured(key.subarray(0, 400))],
      ['a page of the network', '<html>\n\nplease log in\n</html>'],
      ['nothing', ''],
    ];
    for (const [what, text] of others) expect({ what, taken: accepts(text) }).toEqual({ what, taken: false });
  });
});
