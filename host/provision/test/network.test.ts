import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { dockerUserReadings, dockerUserScript, publishedRules } from '../docker-user.ts';
import { jail, notCounted } from '../fail2ban.ts';
import { firewallReadings, firewallRules } from '../firewall.ts';
import { addressesToTry, judgeOutside, outsideSummary, parseInside, portsToTry, type Knock } from '../outside.ts';
import { parsePorts, parsePublishers, shutPorts } from '../ports.ts';
import { hostTasks } from '../tasks.ts';
import { readTold } from '../told.ts';
import { judgeTrial } from '../trial-ban.ts';
import { PLAN } from './plan.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'network-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('ports', () => {
  it('are read as people write them', () => {
    expect(parsePorts('')).toEqual([]);
    expect(parsePorts('25, 53/udp 25/tcp')).toEqual([
      { port: 25, protocol: 'tcp' },
      { port: 53, protocol: 'udp' },
    ]);
    for (const wrong of ['0', '65536', '25/sctp', 'smtp', '80-90', '25;id']) expect(parsePorts(wrong)).toBeNull();
  });

  it('are read as docker ps prints them, without those on loopback and those that are not published', () => {
    const text = [
      'db 0.0.0.0:5432->5432/tcp, [::]:5432->5432/tcp, 9100/tcp',
      'old :::6379->6379/tcp',
      'admin 127.0.0.1:8080->80/tcp, [::1]:8081->80/tcp',
      'many 10.0.0.5:7000-7002->7000-7002/udp',
      'quiet ',
    ].join('\n');
    expect(parsePublishers(text)).toEqual([
      { container: 'db', ports: [{ port: 5432, protocol: 'tcp' }] },
      { container: 'old', ports: [{ port: 6379, protocol: 'tcp' }] },
      { container: 'many', ports: [7000, 7001, 7002].map((port) => ({ port, protocol: 'udp' })) },
    ]);
  });

  it('that the plan will shut are named with their container', () => {
    const publishers = parsePublishers('edge 0.0.0.0:80->80/tcp\nmail 0.0.0.0:25->25/tcp\ndb 0.0.0.0:5432->5432/tcp');
    expect(shutPorts(publishers, [{ port: 25, protocol: 'tcp' }])).toMatchObject([
      { what: 'container db', found: 'publishes 5432/tcp' },
    ]);
  });
});

describe('the rules for published ports', () => {
  /** A stand-in for iptables and ip6tables that keeps one list of rules for each. */
  const fake = `#!/bin/sh
family=$(basename "$0" -restore)
if [ "$family" != "$(basename "$0")" ]; then
  while read -r line; do
    case $line in
      '*'*) state="$STATE/$family-\${line#?}" ;;
      :*) chain=\${line#:}; grep -v "^-A \${chain%% *} " "$state" >"$state.new"; mv "$state.new" "$state" ;;
      -A*) echo "$line" >>"$state" ;;
    esac
  done
  exit
fi
state="$STATE/$family-$3"
shift 3
case $1 in
  -S) cat "$state" ;;
  -N) echo "-N $2" >>"$state" ;;
  -I) chain=$2; shift 2; { echo "-A $chain $*"; cat "$state"; } >"$state.new"; mv "$state.new" "$state" ;;
  *) exit 2 ;;
esac
`;
  const script = (): string => join(directory, 'docker-user');
  const state = (tables: string): string => readFileSync(join(directory, 'state', tables), 'utf8');
  const set = (tables: string, rules: string[]): void =>
    writeFileSync(join(directory, 'state', tables), rules.map((rule) => `${rule}\n`).join(''));
  const run = (...args: string[]): { status: number | null; stdout: string } =>
    spawnSync('sh', [script(), ...args], {
      encoding: 'utf8',
      env: { PATH: `${directory}/bin:${process.env['PATH'] ?? ''}`, STATE: join(directory, 'state') },
    });
  const TABLES = ['iptables-mangle', 'iptables-filter', 'ip6tables-mangle', 'ip6tables-filter'];
  const docker = [
    '-P FORWARD DROP',
    '-N DOCKER-USER',
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -j DOCKER-ISOLATION-STAGE-1',
    '-A DOCKER-USER -j RETURN',
  ];

  beforeEach(() => {
    for (const name of ['bin', 'state']) mkdirSync(join(directory, name), { recursive: true });
    for (const name of ['iptables', 'ip6tables', 'iptables-restore', 'ip6tables-restore']) {
      writeFileSync(join(directory, 'bin', name), fake);
      chmodSync(join(directory, 'bin', name), 0o755);
    }
    writeFileSync(script(), dockerUserScript());
    for (const table of TABLES) set(table, table === 'iptables-filter' ? docker : ['-P FORWARD DROP']);
  });

  it('are loaded for IPv4 and IPv6, before Docker and UFW are asked, and loading them again changes nothing', () => {
    expect(run('check')).toMatchObject({ status: 1 });
    expect(run()).toMatchObject({ status: 0, stdout: '' });
    for (const table of TABLES) {
      const rules = state(table).split('\n');
      for (const rule of publishedRules()) expect(rules).toContain(rule);
      const first = (chain: string): string | undefined => rules.find((rule) => rule.startsWith(`-A ${chain} `));
      expect(first('FORWARD')).toBe(`-A FORWARD -j ${table.endsWith('mangle') ? 'DELIVERY-PUBLISHED' : 'DOCKER-USER'}`);
      if (table.endsWith('filter')) expect(first('DOCKER-USER')).toBe('-A DOCKER-USER -j DELIVERY-PUBLISHED');
    }
    expect(run('check')).toMatchObject({ status: 0, stdout: '' });
    const before = TABLES.map((table) => state(table).split('\n').sort());
    expect(run().status).toBe(0);
    expect(TABLES.map((table) => state(table).split('\n').sort())).toEqual(before);
  });

  it('leave alone what others have put into DOCKER-USER', () => {
    set('iptables-filter', [...docker.slice(0, -1), '-A DOCKER-USER -j CROWDSEC', '-A DOCKER-USER -j RETURN']);
    expect(run().status).toBe(0);
    expect(state('iptables-filter')).toContain('-A DOCKER-USER -j CROWDSEC\n');
  });

  it.each(TABLES)('are found missing where one of them is, in %s', (table) => {
    run();
    const whole = state(table).split('\n').filter(Boolean);
    const ours = whole.filter(
      (rule) => rule.startsWith('-A') && (rule.includes('DELIVERY-PUBLISHED') || rule === '-A FORWARD -j DOCKER-USER'),
    );
    expect(ours.length).toBeGreaterThan(7);
    for (const gone of ours) {
      set(
        table,
        whole.filter((rule) => rule !== gone),
      );
      expect({ gone, ...run('check') }).toMatchObject({
        gone,
        status: 1,
        stdout: expect.stringContaining(`${table.split('-')[0] ?? ''}: `),
      });
    }
  });

  it('let a port by that was named on purpose', () => {
    expect(publishedRules([{ port: 53, protocol: 'udp' }])).toContain(
      '-A DELIVERY-PUBLISHED -p udp -m conntrack --ctstate DNAT --ctorigdstport 53 -j RETURN',
    );
  });

  it('are judged by what the kernel has, each family by itself', () => {
    const [reading] = dockerUserReadings();
    const all = [
      'mangle -A FORWARD -j DELIVERY-PUBLISHED',
      'filter -A FORWARD -j DOCKER-USER',
      'filter -A DOCKER-USER -j DELIVERY-PUBLISHED',
      ...['mangle', 'filter'].flatMap((table) => publishedRules().map((rule) => `${table} ${rule}`)),
    ];
    const lines = ['iptables', 'ip6tables'].flatMap((tables) => all.map((rule) => `${tables} ${rule}`));
    expect(reading?.judge(lines.join('\n'))).toEqual([]);
    expect(reading?.judge(lines.slice(0, -1).join('\n'))).toMatchObject([{ what: 'DOCKER-USER (ip6tables)' }]);
    const v4 = lines.slice(0, all.length);
    expect(reading?.judge([...v4, 'no IPv6'].join('\n'))).toEqual([]);
    expect(reading?.judge(v4.join('\n'))).toHaveLength(1);
  });
});

describe("UFW's rules", () => {
  function read(v4: string[], v6: string[], ports = '22/tcp 443/tcp'): string[] {
    const files = [v4, v6].map((tuples, index) => {
      const path = join(directory, `user${String(index)}.rules`);
      writeFileSync(path, tuples.map((tuple) => `\n### tuple ### ${tuple}\n-A x\n`).join(''));
      return path;
    });
    const { stdout, status } = spawnSync('awk', ['-v', `ports=${ports}`, firewallRules, ...files], {
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    return stdout.split('\n').filter(Boolean);
  }
  const any = '0.0.0.0/0 any 0.0.0.0/0 in';
  const any6 = '::/0 any ::/0 in';

  it('are read for each port and family, in every form that lets everybody in', () => {
    expect(read([`allow tcp 22 ${any}`], [`limit tcp 22 ${any6}`])).toEqual([
      'port 22/tcp allow limit',
      'port 443/tcp none none',
    ]);
    expect(read([`allow tcp 20:25,443 ${any}`], [`allow any 22 ${any6} comment=616263`])).toEqual([
      'other allow 20:25,443/tcp from 0.0.0.0/0',
      'port 22/tcp allow allow',
      'port 443/tcp allow none',
    ]);
    expect(read([`allow_log tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in`], [])[0]).toBe('port 22/tcp allow none');
  });

  it('for some only, on one interface, for what is forwarded or on its way out let nobody in', () => {
    const narrow = [
      'allow tcp 22 0.0.0.0/0 any 192.0.2.0/24 in',
      'allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in_eth1',
      'route:allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in',
      'allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 out',
      'allow udp 22 0.0.0.0/0 any 0.0.0.0/0 in',
    ];
    expect(read(narrow, [])).toContain('port 22/tcp none none');
  });

  it('that shut a port before it is let in are seen', () => {
    expect(read([`deny any 22 ${any}`, `allow tcp 22 ${any}`], [])).toContain('port 22/tcp deny none');
  });

  it('of ours that are not asked for any more are told from those of others', () => {
    const found = read([`allow tcp 2222 ${any} comment=64656c6976657279`, `allow tcp 9999 ${any}`], []);
    expect(found.slice(0, 2)).toEqual(['old 2222/tcp', 'other allow 9999/tcp from 0.0.0.0/0']);
  });

  it('are judged by what the kernel has, IPv6 too', () => {
    const [reading] = firewallReadings([22], [{ port: 53, protocol: 'udp' }]);
    const family = (tables: string, prefix: string): string[] =>
      [
        '-P INPUT DROP',
        '-P FORWARD DROP',
        '-P OUTPUT ACCEPT',
        `-A ${prefix}-user-input -p tcp -m tcp --dport 22 -j ${prefix}-user-limit-accept`,
        `-A ${prefix}-user-input -p tcp -m multiport --dports 80,440:445 -j ACCEPT`,
        `-A ${prefix}-user-input -p udp -m udp --dport 53 -j ACCEPT`,
      ].map((rule) => `${tables} ${rule}`);
    const lines = [...family('iptables', 'ufw'), ...family('ip6tables', 'ufw6')];
    expect(reading?.judge(lines.join('\n'))).toEqual([]);
    expect(reading?.judge(lines.slice(0, -1).join('\n'))).toMatchObject([{ what: 'firewall (ip6tables) port 53/udp' }]);
    expect(reading?.judge(family('iptables', 'ufw').join('\n'))).toHaveLength(6);
    const open = lines.map((line) => line.replace('iptables -P INPUT DROP', 'iptables -P INPUT ACCEPT'));
    expect(reading?.judge(open.join('\n'))).toMatchObject([{ found: '-P INPUT ACCEPT' }]);
    const narrow = lines.map((line) =>
      line.replace('-user-input -p tcp -m tcp', '-user-input -s 192.0.2.1/32 -p tcp -m tcp'),
    );
    expect(reading?.judge(narrow.join('\n'))).toHaveLength(2);
  });
});

describe('the look from outside', () => {
  const told = (values: Record<string, string>): Map<string, string> =>
    readTold(Object.entries(values).map(([name, value]) => `${name}=${Buffer.from(value).toString('base64')}`));
  const inside = parseInside(
    told({
      listeners:
        '00000000:0016\n0100007F:0CEA\n00000000000000000000000000000000:1F90\n00000000000000000000000001000000:1A0B\n0000000000000000FFFF00000100007F:1A0C',
      publishers: 'db 0.0.0.0:15432->5432/tcp',
      addresses: 'fd00::7\nnonsense',
    }),
  );
  const allowed = { ssh: 22, ports: [80, 443].map((port) => ({ port, protocol: 'tcp' as const })) };
  const knock = (address: string, port: number, answer: Knock['answer']): Knock => ({ address, port, answer });

  it('knocks on what listens beyond loopback, what is published and the usual suspects', () => {
    expect(inside.listeners).toEqual([22, 8080]);
    expect(portsToTry(inside, [22, 80])).toEqual([
      22, 80, 2375, 2376, 3000, 3306, 5432, 6379, 8080, 9000, 15432, 27017,
    ]);
    expect(addressesToTry(['192.0.2.1'], inside)).toEqual(['192.0.2.1', 'fd00::7']);
  });

  it('names each port that answers and should not, with its container', () => {
    const findings = judgeOutside(
      [
        knock('192.0.2.1', 22, 'open'),
        knock('192.0.2.1', 443, 'open'),
        knock('192.0.2.1', 15432, 'closed'),
        knock('fd00::7', 15432, 'open'),
        knock('192.0.2.1', 9999, 'open'),
      ],
      allowed,
      inside.publishers,
    );
    expect(findings.map(({ what, found }) => `${what}: ${found}`)).toEqual([
      'port 15432: accepts connections from outside at fd00::7 (container db)',
      'port 9999: accepts connections from outside at 192.0.2.1',
    ]);
  });

  it('proves nothing when it does not even see the SSH port', () => {
    const knocks = [knock('192.0.2.1', 22, 'closed'), knock('192.0.2.1', 5432, 'closed')];
    expect(judgeOutside(knocks, allowed, [])).toMatchObject([{ what: 'look from outside' }]);
    expect(judgeOutside([], allowed, [])).toHaveLength(1);
  });

  it('says where this runner has no way', () => {
    expect(
      outsideSummary([
        knock('192.0.2.1', 22, 'open'),
        knock('192.0.2.1', 80, 'closed'),
        knock('fd00::7', 22, 'unreachable'),
      ]),
    ).toBe('192.0.2.1: open 22; closed 1 others\nfd00::7: this runner has no way there');
  });

  const jump = '-A INPUT -p tcp -m multiport --dports 22,2222 -j f2b-sshd';
  const refusal = '-A f2b-sshd -s 192.0.2.77/32 -j REJECT --reject-with icmp-port-unreachable';

  it('believes a trial ban that the firewall shows on every SSH port and that was lifted', () => {
    const good = { banned_iptables: `${jump}\n${refusal}`, lifted_iptables: '' };
    expect(judgeTrial(told(good), [22, 2222])).toEqual([]);
    expect(judgeTrial(told({ ...good, banned_iptables: jump }), [22])).toMatchObject([
      { found: 'no rule of the firewall' },
    ]);
    expect(judgeTrial(told({ ...good, banned_iptables: refusal }), [22])).toMatchObject([
      { found: 'no ban on port 22' },
    ]);
    expect(judgeTrial(told(good), [22, 2200])).toMatchObject([{ found: 'no ban on port 2200' }]);
    expect(judgeTrial(told({ ...good, lifted_iptables: refusal }), [22])).toHaveLength(1);
    expect(judgeTrial(told({ ...good, banned_ip6tables: jump }), [22])).toMatchObject([
      { what: 'trial ban of 2001:db8::77' },
    ]);
    expect(judgeTrial(told({}), [22])).toMatchObject([{ found: 'no answer' }]);
  });
});

describe('the guard of logins', () => {
  /** What the jail makes of an address, with this in the journal of the time that it asks for. */
  const counted = (address: string, line: string): boolean => {
    const bin = join(directory, 'journal');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'journalctl'), `#!/bin/sh\ncat ${bin}/lines\n`);
    chmodSync(join(bin, 'journalctl'), 0o755);
    writeFileSync(join(bin, 'lines'), `Server listening on :: port 22.\n${line}\n`);
    const command = notCounted(['root', 'ops']).replaceAll('<ip>', address);
    const { status } = spawnSync('sh', ['-c', command], { env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` } });
    // fail2ban takes any other for an error.
    expect([0, 1]).toContain(status);
    return status === 1;
  };

  it('does not count an address from which the admin has come in by key, and counts every other', () => {
    const tail = 'port 40000 ssh2: ED25519 SHA256:x';
    expect(counted('192.0.2.7', `Accepted publickey for root from 192.0.2.7 ${tail}`)).toBe(false);
    expect(counted('2001:db8::7', `Accepted publickey for ops from 2001:db8::7 ${tail}`)).toBe(false);
    for (const line of [
      `Accepted publickey for root from 192.0.2.77 ${tail}`,
      `Accepted publickey for deploy from 192.0.2.7 ${tail}`,
      `Accepted password for root from 192.0.2.7 ${tail}`,
      `Invalid user Accepted publickey for root from 192.0.2.7 ${tail} from 192.0.2.7 port 40001`,
    ])
      expect([line, counted('192.0.2.7', line)]).toEqual([line, true]);
  });

  it('looks back for that as far as failures count', () => {
    const text = jail([22, 2222], 'ops');
    expect(text).toContain(`ignorecommand = ${notCounted(['root', 'ops'])}\n`);
    expect(/^findtime = (\d+)m$/m.exec(text)?.[1]).toBe(/ --since=-(\d+)min /.exec(text)?.[1]);
    // Whoever is the admin, no line of another program counts.
    expect(text).toMatch(/ _UID=0 _COMM=sshd \+ _UID=0 _COMM=sshd-session \|/);
  });

  it('has its rules before it is installed, which starts it', () => {
    const ids = hostTasks(PLAN).map(({ id }) => id);
    expect(ids.indexOf('fail2ban_jail')).toBeGreaterThan(-1);
    expect(ids.indexOf('fail2ban_jail')).toBeLessThan(ids.indexOf('packages'));
  });
});
