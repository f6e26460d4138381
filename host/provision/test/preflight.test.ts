import { describe, expect, it } from '@jest/globals';
import type { Facts } from '../facts.ts';
import { preflight, refusal, type Expectations } from '../preflight.ts';

const GOOD: Facts = {
  user: 'root',
  uid: 0,
  os: { id: 'debian', version: '13', name: 'Debian GNU/Linux 13 (trixie)', codename: 'trixie' },
  machine: 'x86_64',
  virtualization: 'kvm',
  container: false,
  init: 'systemd',
  cpus: 2,
  // What a VPS of 2 GB and 40 GB reports.
  memoryKiB: 1_985_000,
  diskKiB: 39_000_000,
  freeDiskKiB: 36_000_000,
  dockerPackages: ['docker.io'],
  dockerVersion: '26.1.5',
  composeVersion: '2.26.1',
  curl: true,
  clock: 1_800_000_000,
  synchronized: 'yes',
  addresses: ['203.0.113.7', '2001:db8::7'],
  provider: 'ovhcloud',
  daemonJson: null,
  sshPorts: [22],
  sshError: '',
  sshSocket: false,
  movedPort: null,
  sshUnconfirmed: false,
  heldPorts: [],
  publishers: [],
  apparmor: true,
  prepared: false,
  agentImage: '',
  apps: [],
  acmeEmail: null,
};
const EXPECTED: Expectations = {
  profile: 'hardened',
  allowUnsupportedOs: false,
  allowSmallHost: false,
  dockerPackages: 'distribution',
  connectedTo: '203.0.113.7',
  clock: 1_800_000_005,
};
const refused = (facts: Partial<Facts>, expected: Partial<Expectations> = {}) =>
  preflight({ ...GOOD, ...facts }, { ...EXPECTED, ...expected }).refusals;
const os = (id: string, version: string, name = `${id} ${version}`): Partial<Facts> => ({
  os: { id, version, name, codename: '' },
});

describe('preflight', () => {
  it.each(['hardened', 'minimal'] as const)('lets a good host pass, %s', (profile) => {
    expect(preflight(GOOD, { ...EXPECTED, profile })).toEqual({ refusals: [], warnings: [] });
  });

  it.each([
    ['no root', { uid: 1000 }, 'login', /uid 1000/],
    ['no systemd', { init: 'init' }, 'process 1', /init/],
    ['held ports', { heldPorts: ['80 (nginx)', '443 (container web)'] }, 'ports of the edge', /80 \(nginx\), 443 \(c/],
    ['no SSH port', { sshPorts: [] }, 'port of the SSH server', /none/],
    ['a broken sshd', { sshError: 'x.conf: line 1: Bad option / terminating' }, 'configuration of sshd', /line 1: Bad/],
    ['one CPU', { cpus: 1 }, 'CPUs', /^1$/],
    ['1 GB of memory', { memoryKiB: 990_000 }, 'memory', /^967 MiB$/],
    ['20 GB of disk', { diskKiB: 19_500_000 }, 'disk', /^19 GiB$/],
    ['a clock that is off', { clock: 1_799_999_000 }, 'clock', /1005 s behind/],
  ] as const)('refuses %s by name', (_what, facts, what, found) => {
    expect(refused(facts as Partial<Facts>)).toEqual([
      { what, found: expect.stringMatching(found), allowed: expect.stringMatching(/./) },
    ]);
  });

  it('says everything that is wrong at once', () => {
    const found = refused({ cpus: 1, heldPorts: ['80 (nginx)'], ...os('debian', '11', 'Debian 11') });
    expect(refusal('shop.example', found)).toMatch(
      /^shop\.example cannot be prepared, and nothing was changed: .*Debian 11.* \| CPUs: found 1; .* \| .*80 \(nginx\)/,
    );
  });

  it.each([
    ['ubuntu', '24.04'],
    ['ubuntu', '26.04'],
    ['debian', '13'],
  ])('takes %s %s', (id, version) => {
    expect(refused(os(id, version))).toEqual([]);
  });

  it("takes Debian 12 with Docker's own packages only", () => {
    const bare = { ...os('debian', '12'), dockerPackages: [] };
    expect(refused(bare, { dockerPackages: 'docker' })).toEqual([]);
    expect(refused({ ...bare, dockerPackages: ['docker-ce'] })).toEqual([]);
    expect(refused(bare)).toMatchObject([{ what: 'packages of Docker', found: expect.stringContaining('20.10') }]);
  });

  it.each([
    ['ubuntu', '22.04'],
    ['ubuntu', '25.10'],
    ['debian', '11'],
    ['debian', ''],
    ['rocky', '9'],
  ])('refuses %s %s by name, unless asked to go on', (id, version) => {
    expect(refused(os(id, version, `The ${id}`))).toEqual([
      {
        what: 'system',
        found: `The ${id}`,
        allowed: expect.stringMatching(/Ubuntu 24\.04, Ubuntu 26\.04, Debian 13.*allow-unsupported-os/),
      },
    ]);
    expect(refused(os(id, version), { allowUnsupportedOs: true })).toEqual([]);
  });

  it('takes a small host when asked to, and warns', () => {
    const small = { ...GOOD, cpus: 1, memoryKiB: 990_000, diskKiB: 9_000_000, freeDiskKiB: 5_000_000 };
    const { refusals, warnings } = preflight(small, { ...EXPECTED, allowSmallHost: true });
    expect(refusals).toEqual([]);
    expect(warnings.map(({ what }) => what)).toEqual(['CPUs', 'memory', 'disk', 'free disk']);
    expect(refused(small)[0]?.allowed).toContain('allow-small-host');
  });

  it("leaves a container's clock to its machine", () => {
    expect(refused({ container: true, clock: 1, synchronized: 'no' }, { profile: 'minimal' })).toEqual([]);
  });

  it('notes another architecture', () => {
    expect(preflight({ ...GOOD, machine: 'aarch64' }, EXPECTED).warnings).toMatchObject([{ found: 'aarch64' }]);
  });
});

describe('names that must lead to the host', () => {
  const name = (addresses: string[], error: string | null = null) =>
    refused({}, { names: [{ name: 'shop.example', addresses, error }] });

  it('do by the address that is connected to or one that the host has, however it is written', () => {
    expect(name(['203.0.113.7', '2001:0DB8:0:0::7'])).toEqual([]);
    expect(
      refused({ addresses: ['10.0.0.2'] }, { names: [{ name: 'x.example', addresses: ['203.0.113.7'], error: null }] }),
    ).toEqual([]);
    expect(
      refused(
        { addresses: [] },
        { connectedTo: '::ffff:203.0.113.7', names: [{ name: 'x.example', addresses: ['203.0.113.7'], error: null }] },
      ),
    ).toEqual([]);
  });

  it.each([
    [['203.0.113.8'], null, '203.0.113.8'],
    [['203.0.113.7', '2001:db8::8'], null, '2001:db8::8'],
    [[], null, 'no address'],
    [[], 'ESERVFAIL', 'ESERVFAIL'],
  ])('are refused by name elsewhere: %j %s', (addresses, error, found) => {
    expect(name(addresses, error)).toEqual([
      {
        what: 'DNS name shop.example',
        found,
        allowed: 'an address of this server (203.0.113.7, [2001:db8::7])'.replace(/[[\]]/g, ''),
      },
    ]);
  });
});

describe('a server that somebody else keeps', () => {
  it.each([
    ['no Docker', { dockerVersion: '', composeVersion: '' }, ['Docker', 'docker compose'], 'apt-get install docker.io'],
    ['an old Docker', { dockerVersion: '20.10.24' }, ['Docker'], 'docs.docker.com'],
    ['compose v1', { composeVersion: '1.29.2' }, ['docker compose'], 'docker-compose'],
    ['no curl', { curl: false }, ['curl'], 'apt-get install curl'],
    ['a clock that nothing keeps', { synchronized: 'no' }, ['clock'], 'timedatectl set-ntp true'],
  ])('needs what would not be installed: %s', (_what, facts, names, repair) => {
    const found = refused(facts, { profile: 'minimal' });
    expect(found.map(({ what }) => what)).toEqual(names);
    expect(found[0]?.allowed).toContain(repair);
    expect(refused(facts)).toEqual([]);
  });
});
