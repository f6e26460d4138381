import { describe, expect, it } from '@jest/globals';
import { audit, readingsShell, settings, type Reading } from '../audit.ts';
import type { Finding } from '../finding.ts';
import { hostReadings } from '../readings.ts';
import { hostTasks, type HostPlan } from '../tasks.ts';
import { PLAN as SHOP } from './plan.ts';

const PLAN: HostPlan = { ...SHOP, sshPorts: [2222], ssh: { ...SHOP.ssh, port: 2222 } };
const AGENT = PLAN.agentImage;
const KEY = 'restrict,command="/opt/edge/bin/release shop" ssh-ed25519 AAAA';
/** What a host says that is as it should be. */
const GOOD = new Map([
  ['docker', 'version 26.1.5+dfsg1\nlive-restore true\nlog-driver json-file\ncompose 2.26.1-4'],
  [
    'containers',
    [
      'edge running traefik:v3.6.12',
      'socket-proxy described',
      'watchtower described',
      'watchtower running nickfedor/watchtower:1.11.0',
      'socket-proxy running tecnativa/docker-socket-proxy:0.3.0',
    ].join('\n'),
  ],
  ['agent', AGENT],
  [
    'files',
    [
      ...['', '/bin', '/dynamic', '/staging'].map((path) => `/opt/edge${path} 755 root:root`),
      ...['/certs', '/acme'].map((path) => `/opt/edge${path} 700 root:root`),
      '/opt/edge/run 2750 root:docker',
      '/opt/edge/bin/release 755 root:root',
      '/opt/edge/agent 644 root:root',
      '/opt/shop 750 root:root',
      '/opt/shop/.env 600 root:root',
      'authorized_keys 600 deploy',
    ].join('\n'),
  ],
  ['deploy_keys', `${KEY}\nrestrict,command="/opt/edge/bin/release other" ssh-ed25519 BBBB`],
  ['listeners', '0.0.0.0:2222 sshd\n[::]:2222 sshd'],
  ['certificate', 'shop.example lasts notAfter=Jan  1 00:00:00 2030 GMT'],
]);

/** Findings of one reading, told by other lines than those of a good host. */
function told(id: string, change: (value: string) => string, plan = PLAN): Finding[] {
  const readings = hostReadings(plan).filter((reading) => reading.id === id);
  expect(readings).toHaveLength(1);
  return audit(readings, new Map([[id, change(GOOD.get(id) ?? '')]]));
}
const without = (text: string) => (value: string) =>
  value
    .split('\n')
    .filter((line) => !line.includes(text))
    .join('\n');

describe('what is read back from a host', () => {
  it.each(['hardened', 'minimal'] as const)('finds nothing on a good one, %s', (profile) => {
    const readings = hostReadings({ ...PLAN, profile }).filter(({ id }) => GOOD.has(id));
    expect(readings.map(({ id }) => id).sort()).toEqual([...GOOD.keys()].sort());
    expect(audit(readings, GOOD)).toEqual([]);
  });

  it('covers sshd, firewall and login guard where they are ours, and leaves them alone where they are not', () => {
    const ids = (profile: 'hardened' | 'minimal') => hostReadings({ ...PLAN, profile }).map(({ id }) => id);
    expect(ids('hardened')).toEqual(expect.arrayContaining(['sshd', 'firewall', 'fail2ban']));
    for (const id of ['sshd', 'firewall', 'fail2ban']) expect(ids('minimal')).not.toContain(id);
    expect(new Set(ids('hardened')).size).toBe(ids('hardened').length);
  });

  it('has an answer to each question, or says which one is missing', () => {
    const reading: Reading = { id: 'x', what: 'x of y', shell: 'true', judge: () => [] };
    expect(audit([reading], new Map())).toMatchObject([{ what: 'x of y', found: 'no answer' }]);
    expect(audit([reading], new Map([['x', '']]))).toEqual([]);
    expect(readingsShell([reading])).toMatch(/^proof x [^]*^proof end done$/m);
  });

  it.each([
    ['an old Docker', 'docker', (v: string) => v.replace('26.1.5', '20.10.24'), 'docker info version', /^20\.10\.24/],
    ['no compose', 'docker', without('compose'), 'docker info compose', /nothing/],
    [
      'a daemon that takes its containers along',
      'docker',
      (v: string) => v.replace('true', 'false'),
      'docker info live-restore',
      /false/,
    ],
    ['a Docker that does not answer', 'docker', () => '', 'docker info version', /nothing/],
    ['an edge that is not there', 'containers', without('edge'), 'container edge', /not there/],
    [
      'an edge that dies',
      'containers',
      (v: string) => v.replace('edge running', 'edge restarting'),
      'container edge',
      /restarting/,
    ],
    ['another edge', 'containers', (v: string) => v.replace('v3.6.12', 'v2'), 'container edge', /traefik:v2/],
    [
      'a stopped watchtower',
      'containers',
      (v: string) => v.replace('watchtower running', 'watchtower exited'),
      'container watchtower of shop',
      /exited/,
    ],
    ['a socket proxy that is gone', 'containers', without('tecnativa'), 'container socket-proxy of shop', /not there/],
    ['another agent', 'agent', (v: string) => v.replace('aaa', 'bbb'), 'agent', /bbb/],
    [
      'secrets that others read',
      'files',
      (v: string) => v.replace('.env 600', '.env 644'),
      'files /opt/shop/.env',
      /^644 root:root$/,
    ],
    [
      'a launcher of somebody else',
      'files',
      (v: string) => v.replace('release 755 root', 'release 755 deploy'),
      'files /opt/edge/bin/release',
      /deploy/,
    ],
    [
      'keys that others write',
      'files',
      (v: string) => v.replace('keys 600', 'keys 666'),
      'files authorized_keys',
      /666/,
    ],
    ['an absent directory', 'files', without('/opt/edge/certs'), 'files /opt/edge/certs', /not there/],
    [
      'a key with a shell',
      'deploy_keys',
      (v: string) => `${v}\nssh-ed25519 CCCC`,
      'keys of deploy',
      /^ssh-ed25519 CCCC/,
    ],
    [
      'a key without its bounds',
      'deploy_keys',
      (v: string) => v.replace('restrict,command="/opt/edge/bin/release other"', 'command="sh"'),
      'keys of deploy',
      /command="sh"/,
    ],
    [
      'a certificate that ends soon',
      'certificate',
      (v: string) => v.replace('lasts', 'ends'),
      'certificate of shop.example',
      /^ends on Jan {2}1 00:00:00 2030 GMT$/,
    ],
    [
      'no certificate',
      'certificate',
      () => 'shop.example ends ',
      'certificate of shop.example',
      /none that can be read/,
    ],
    ['no key of the app', 'deploy_keys', without('release shop'), 'keys of deploy', /no key for shop/],
  ] as const)('finds %s', (_what, id, change, what, found) => {
    expect(told(id, change)).toContainEqual({
      what,
      found: expect.stringMatching(found),
      allowed: expect.stringMatching(/./),
    });
  });

  it('takes another configuration of Docker on a server that somebody else keeps, but no Docker that is too old', () => {
    const minimal = { ...PLAN, profile: 'minimal' as const };
    expect(told('docker', (value) => value.replace('true', 'false'), minimal)).toEqual([]);
    expect(told('docker', (value) => value.replace('26.', '23.'), minimal)).toHaveLength(1);
  });

  it('does not miss the proxy and watchtower of an app that was never released, or has none', () => {
    const edge = 'edge running traefik:v3.6.12';
    expect(told('containers', () => `${edge}\nrelease not deployed yet`)).toEqual([]);
    expect(told('containers', () => edge)).toEqual([]);
  });

  it('finds what sshd, the firewall and the guard do otherwise than they should', () => {
    const judge = (id: string, value: string): string[] =>
      audit(
        hostReadings(PLAN).filter((each) => each.id === id),
        new Map([[id, value]]),
      ).map(({ what }) => what);
    expect(judge('sshd', 'port 2222\npasswordauthentication yes')).toContain('sshd -T PasswordAuthentication');
    expect(judge('firewall', 'Status: inactive').length).toBeGreaterThan(0);
    expect(judge('fail2ban', 'inactive').length).toBeGreaterThan(0);
  });
});

it('reads settings as programs print them, whatever their case and blanks', () => {
  expect(settings('Port 22\n\n  permitrootlogin   no \nListenAddress 0.0.0.0:22 x')).toEqual(
    new Map([
      ['port', '22'],
      ['permitrootlogin', 'no'],
      ['listenaddress', '0.0.0.0:22 x'],
    ]),
  );
});

it('minimal installs nothing and configures nothing but its own', () => {
  const tasks = hostTasks({ ...PLAN, profile: 'minimal' });
  for (const { apply } of tasks)
    expect(apply).not.toMatch(
      /apt-get|install_packages|ufw |fail2ban|sshd_config|daemon\.json|sysctl|swapon|systemctl/,
    );
  expect(tasks.map(({ id }) => id)).toEqual(
    expect.arrayContaining(['network_edge', 'launcher', 'deploy_user', 'deploy_key', 'app_secrets', 'agent', 'edge']),
  );
  expect(hostTasks(PLAN).length).toBeGreaterThan(tasks.length + 8);
});
