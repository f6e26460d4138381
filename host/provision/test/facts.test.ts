import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { FACTS_SCRIPT, parseFacts, shellAs } from '../facts.ts';
import { jail } from '../fail2ban.ts';

const line = (name: string, value: string): string => `${name}=${Buffer.from(value).toString('base64')}`;
const GOOD = Object.entries({
  ...{
    user: 'root',
    uid: '0',
    os_id: 'debian',
    os_version: '13',
    os_name: 'Debian GNU/Linux 13 (trixie)',
    machine: 'x86_64',
    virtualization: 'kvm',
  },
  ...{
    init: 'systemd',
    cpus: '2',
    memory: '2000000',
    disk: '40000000 30000000',
    docker: 'server=26.1.5+dfsg1 compose=2.26.1-4',
    ssh_ports: '22 ',
    ssh_connection: '10.0.0.9 51000 10.0.0.2 2222',
    held: '',
  },
}).map(([name, value]) => line(name, value));
const changed = (name: string, value: string): string[] => [
  ...GOOD.filter((each) => !each.startsWith(`${name}=`)),
  line(name, value),
];

describe('facts', () => {
  it('come from a script that is valid sh and runs', () => {
    expect(spawnSync('sh', ['-n'], { input: FACTS_SCRIPT, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
    const { stdout, status } = spawnSync('sh', ['-s'], {
      input: FACTS_SCRIPT,
      encoding: 'utf8',
      env: { ...process.env, DELIVERY_SSH: '::1 1 ::1 2200' },
    });
    expect(status).toBe(0);
    const facts = parseFacts(stdout.split('\n'));
    expect(facts.sshPorts).toContain(2200);
    expect(facts.os.id).not.toBe('');
    expect(facts.os.codename).toMatch(/^[a-z]+$/);
    expect(facts.dockerPackages.every((name) => /^[a-z][a-z0-9:.+-]*$/.test(name))).toBe(true);
    expect(facts.memoryKiB).toBeGreaterThan(0);
    expect(facts.diskKiB).toBeGreaterThan(facts.freeDiskKiB);
    expect(Math.abs(facts.clock - Date.now() / 1000)).toBeLessThan(30);
  }, 30_000);

  it('hold every port of sshd, the one of this connection included', () => {
    expect(parseFacts(['Welcome to your server', ...GOOD]).sshPorts).toEqual([22, 2222]);
  });

  it('take the ports from systemd where it listens in the place of sshd', () => {
    const facts = parseFacts([...changed('ssh_connection', '::1 51000 ::1 2200'), line('ssh_socket', '2200 2201 ')]);
    expect(facts).toMatchObject({ sshPorts: [2200, 2201], sshSocket: true });
    expect(parseFacts(GOOD).sshSocket).toBe(false);
  });

  it('know where an earlier run has moved sshd to, and what it left unconfirmed', () => {
    expect(parseFacts(GOOD)).toMatchObject({ movedPort: null, sshUnconfirmed: false });
    const lines = [...GOOD, line('moved_port', '2222\n'), line('ssh_unconfirmed', '1')];
    expect(parseFacts(lines)).toMatchObject({ movedPort: 2222, sshUnconfirmed: true });
  });

  it('keep the content of daemon.json, and know it from an absent one', () => {
    expect(parseFacts(changed('daemon_json', '{"a":"b=c"}')).daemonJson).toBe('{"a":"b=c"}');
    expect(parseFacts(GOOD).daemonJson).toBeNull();
  });

  it('hold the memory that there is for the host: the least of what is built in and what its control group may have', () => {
    expect(parseFacts(changed('memory_limit', '1073741824')).memoryKiB).toBe(1024 ** 2);
    for (const none of ['max', '9223372036854771712'])
      expect(parseFacts(changed('memory_limit', none)).memoryKiB).toBe(2_000_000);
  });

  it('know Docker and compose apart, also where no daemon runs', () => {
    expect(parseFacts(GOOD)).toMatchObject({ dockerVersion: '26.1.5+dfsg1', composeVersion: '2.26.1-4' });
    expect(parseFacts(changed('docker', 'server= compose=2.26.1'))).toMatchObject({
      dockerVersion: '',
      composeVersion: '2.26.1',
    });
    expect(parseFacts(changed('docker', ''))).toMatchObject({ dockerVersion: '', composeVersion: '' });
  });

  it.each([
    ['OpenStack Foundation\nOpenStack Nova\nOVHcloud\n', 'ovhcloud'],
    ['OVH\n', 'ovhcloud'],
    ['Hetzner\nvServer\n', 'Hetzner'],
    ['', ''],
  ])('know the provider by what the firmware says: %j', (vendor, provider) => {
    expect(parseFacts(changed('vendor', vendor)).provider).toBe(provider);
  });

  it('know a login without a root shell', () => {
    expect(parseFacts(['sudo: a password is required']).uid).toBe(-1);
  });
});

it('becomes root by sudo where the login is another user', () => {
  expect(shellAs('root')).not.toContain('sudo');
  expect(shellAs('admin')).toMatch(/^sudo -n /);
});

it('guards every port of sshd', () => {
  expect(jail([22, 2222], 'ops')).toMatch(/^port = 22,2222$/m);
});
