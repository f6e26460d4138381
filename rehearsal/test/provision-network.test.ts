import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ActionRun } from './action.ts';
import { bareHost, tasksWith, type BareHost } from './bare.ts';
import { expectCode } from './expect.ts';
import { must, run } from './process.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();
const runner = stage.facts.runner.container;
/** Somebody else on the network: the stage's own server, as it is. */
const stranger = stage.facts.vps.container;
/** The test network has no IPv6 of its own: the two hosts get addresses that are nobody else's. */
const V6 = { host: 'fd5e:7a1c:9b03::2', runner: 'fd5e:7a1c:9b03::1' };
/** Takes our rules away, as a control: what is closed with them is open without. */
const FLUSH =
  'for family in iptables ip6tables; do for table in mangle filter; do $family -t $table -F DELIVERY-PUBLISHED; done; done';

let host: BareHost;
let v4: string;
let first: ActionRun;

/** By Docker: some of the hosts have a Docker of their own, with addresses of its own. */
async function addressOf(container: string): Promise<string> {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  return (await must('docker', ['inspect', '--type', 'container', '--format', format, container])).trim();
}

async function addV6(container: string, address: string): Promise<void> {
  // Settings of this host's own network namespace, not of the machine.
  const script =
    'for each in all eth0; do echo 0 >/proc/sys/net/ipv6/conf/$each/disable_ipv6; done; ip -6 addr replace "$1/64" dev eth0 nodad';
  await must('docker', ['exec', container, 'sh', '-ec', script, 'add', address]);
}

/** Knocks from the runner: `<address> <port>/<protocol>` and what came of it. UDP counts as open where an answer comes. */
async function knock(
  ports: readonly string[],
  addresses: readonly string[] = [v4, V6.host],
): Promise<Record<string, boolean>> {
  const script = `const net = require('net'), dgram = require('dgram');
const tcp = (host, port) => new Promise((done) => { const s = net.connect({ host, port }); const end = (a) => { s.destroy(); done(a); };
  s.setTimeout(1200, () => end(false)); s.on('connect', () => end(true)); s.on('error', () => end(false)); });
const udp = (host, port) => new Promise((done) => { const s = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const end = (a) => { s.close(); done(a); }; const t = setTimeout(() => end(false), 1200);
  s.on('message', () => { clearTimeout(t); end(true); }); s.on('error', () => { clearTimeout(t); end(false); }); s.send('x', port, host); });
Promise.all(JSON.parse(process.argv[1]).map(async ([host, each]) => { const [port, kind] = each.split('/');
  return [host + ' ' + each, await (kind === 'udp' ? udp : tcp)(host, Number(port))]; })).then((all) => console.log(JSON.stringify(Object.fromEntries(all))));`;
  const pairs = addresses.flatMap((address) => ports.map((port) => [address, port]));
  return JSON.parse(
    await must('docker', ['exec', runner, stage.facts.runner.node, '-e', script, JSON.stringify(pairs)]),
  ) as Record<string, boolean>;
}

/** The same answer for each of the ports at both addresses. */
const all = (
  ports: readonly string[],
  answer: boolean,
  addresses: readonly string[] = [v4, V6.host],
): Record<string, boolean> =>
  Object.fromEntries(addresses.flatMap((address) => ports.map((port) => [`${address} ${port}`, answer])));

const PUBLISHED = ['5432/tcp', '5353/udp'];
const SERVED = ['22/tcp', '80/tcp', '443/tcp'];

/** Something that listens on a TCP and a UDP port and says a word, as a database would. */
const LISTENER = (tcp: number, udp: number): string =>
  `require('net').createServer((s) => s.on('error', () => {}).end('db')).listen(${String(tcp)}, '::'); const u = require('dgram').createSocket({ type: 'udp6' }); u.on('message', (m, r) => u.send('db', r.port, r.address)); u.bind(${String(udp)}, '::');`;

async function startContainer(name: string, flags: string, tcp = 5432, udp = 5353): Promise<void> {
  await host.shell(
    `docker rm -f ${name} >/dev/null 2>&1 || :; docker run -d --name ${name} --restart unless-stopped ${flags} --entrypoint node "$(cat /opt/edge/agent)" -e "${LISTENER(tcp, udp)}" >/dev/null`,
  );
}

/** A connection out of a container of the host. */
async function fromContainer(name: string, address: string, port: number): Promise<boolean> {
  const script = `const s = require('net').connect({ host: '${address}', port: ${String(port)} }); s.setTimeout(2000, () => process.exit(1)); s.on('connect', () => process.exit(0)); s.on('error', () => process.exit(1))`;
  return (await run('docker', ['exec', host.vps.container, 'docker', 'exec', name, 'node', '-e', script])).code === 0;
}

/** Wrong logins, one connection each; gives what the last of them said. */
async function wrongLogins(container: string, count: number): Promise<string> {
  const script = `i=0; while [ $i -lt "$2" ]; do i=$((i + 1)); ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=3 -o LogLevel=ERROR "nobody$i@$1" true 2>&1 | tail -n 1; done | tail -n 1`;
  return must('docker', ['exec', container, 'sh', '-c', script, 'try', v4, String(count)]);
}

const banned = async (): Promise<string> => host.shell('fail2ban-client status sshd | sed -n "s/.*Banned IP list://p"');

beforeAll(async () => {
  host = await bareHost(stage, 'network.test');
  v4 = await addressOf(host.vps.container);
  await Promise.all([addV6(host.vps.container, V6.host), addV6(runner, V6.runner)]);
  // sshd's own penalties would end the tries before the guard has counted them.
  await host.shell(
    'echo "PerSourcePenalties no" >/etc/ssh/sshd_config.d/99-test.conf; systemctl reload ssh; sleep 0.5',
  );
  // What several first runs have tried in vain: the guard reads it back when it is installed.
  await wrongLogins(runner, 9);
  first = await host.provision();
  expectCode(first, 0);
  await startContainer('db', '-p 5432:5432 -p 5353:5353/udp');
  // The first packet between two IPv6 addresses waits for the neighbour's answer, on a busy machine for longer than a knock does.
  for (let tries = 0; tries < 10; tries += 1) if (Object.values(await knock(['443/tcp'])).every(Boolean)) break;
}, 300_000);

afterAll(async () => {
  await run('docker', ['exec', runner, 'ip', '-6', 'addr', 'del', `${V6.runner}/64`, 'dev', 'eth0']);
  await host.remove();
}, 60_000);

describe('a container that publishes a port on all addresses', () => {
  it('is not reached from another host, on IPv4 and IPv6, over TCP and UDP, while SSH and the edge are', async () => {
    expect(await knock([...PUBLISHED, ...SERVED])).toEqual({ ...all(PUBLISHED, false), ...all(SERVED, true) });
  }, 30_000);

  it('reaches the world, and other containers in every way', async () => {
    await startContainer('other', '--network edge');
    const outside = await addressOf(runner);
    await must('docker', ['exec', '-d', runner, stage.facts.runner.node, '-e', LISTENER(7001, 7002)]);
    const inner = (await host.shell('docker inspect -f "{{.NetworkSettings.Networks.edge.IPAddress}}" edge')).trim();
    expect({
      world: await fromContainer('db', outside, 7001),
      neighbour: await fromContainer('other', inner, 443),
      byName: await fromContainer('other', 'edge', 443),
      published: await fromContainer('other', v4, 443),
    }).toEqual({ world: true, neighbour: true, byName: true, published: true });
    await host.shell('docker rm -f other');
  }, 60_000);

  it('stays closed through a restart of Docker and a reload of UFW', async () => {
    await host.shell('systemctl restart docker; ufw reload; ufw disable; ufw --force enable');
    await host.shell('for i in $(seq 50); do docker info >/dev/null 2>&1 && break; sleep 0.2; done');
    expect(await knock([...PUBLISHED, ...SERVED])).toEqual({ ...all(PUBLISHED, false), ...all(SERVED, true) });
    await host.shell('/opt/edge/bin/docker-user check');
  }, 60_000);

  it('is found by its port where the rules are gone, and is closed again by the next run', async () => {
    // Docker 26 answers on IPv6 by a process of its own, which UFW guards.
    await host.shell(
      `${FLUSH}; for p in tcp udp; do ip6tables -I INPUT -p $p -m multiport --dports 5432,5353 -j ACCEPT; done`,
    );
    expect(await knock(PUBLISHED)).toEqual(all(PUBLISHED, true));
    const verify = await host.provision({ mode: 'verify' });
    expect(verify.code).toBe(1);
    expect(tasksWith(verify, '~')).toEqual(['docker_user']);
    expect(verify.log).toMatch(/port 5432.*accepts connections from outside at .*container db/);
    // The rule that somebody made is not taken away: the run that repairs the rest says that the port is open still.
    const repair = await host.provision();
    expect(tasksWith(repair, '+')).toEqual(['docker_user']);
    expect(repair.code).toBe(1);
    expect(repair.log).toMatch(new RegExp(`port 5432.*accepts connections from outside at ${V6.host}`));
    await host.shell('for p in tcp udp; do ip6tables -D INPUT -p $p -m multiport --dports 5432,5353 -j ACCEPT; done');
    const second = await host.provision();
    expectCode(second, 0);
    expect(tasksWith(second, '+')).toEqual([]);
    expect(second.log).not.toContain('reached from outside');
    console.log(`a run that changes nothing took ${String(Math.round(second.wallMs))} ms`);
    expect(await knock(PUBLISHED)).toEqual(all(PUBLISHED, false));
  }, 120_000);

  it('is let in where it was named on purpose, and no longer when it is not', async () => {
    const opened = await host.provision({ 'open-ports': '5432/tcp' });
    expectCode(opened, 0);
    expect(tasksWith(opened, '+')).toEqual(['firewall', 'docker_user']);
    expect(await knock(PUBLISHED)).toEqual({ ...all(['5432/tcp'], true), ...all(['5353/udp'], false) });
    const closed = await host.provision({ mode: 'plan' });
    expectCode(closed, 0);
    expect(closed.log).toMatch(
      /container db: found publishes 5353\/udp, 5432\/tcp; allowed: ports that nobody reaches/,
    );
    expectCode(await host.provision(), 0);
    expect(await knock(PUBLISHED)).toEqual(all(PUBLISHED, false));
  }, 120_000);
});

describe('a port that somebody opened', () => {
  it('makes verify red and is named', async () => {
    await host.shell('ufw allow 9999/tcp; systemd-run -q -u opened python3 -m http.server 9999 --bind ::; sleep 1');
    const verify = await host.provision({ mode: 'verify' });
    await host.shell('systemctl stop opened; ufw delete allow 9999/tcp');
    expect(verify.code).toBe(1);
    expect(tasksWith(verify, '~')).toEqual([]);
    expect(verify.log).toMatch(/port 9999.*accepts connections from outside/);
    expect(verify.log).toContain('rules of others, left alone: allow 9999/tcp');
  }, 60_000);
});

describe('the guard of logins', () => {
  it('does not count what the runner has tried in vain before it was there', async () => {
    const own = await addressOf(runner);
    const log = await host.shell('cat /var/log/fail2ban.log');
    expect(log.split(`Ignore ${own} by command`).length).toBeGreaterThan(9);
    expect(log).not.toContain(`Ban ${own}`);
  });

  it('was proven by a trial ban, which is gone', async () => {
    expect(first.log).toMatch(/trial ban: 192\.0\.2\.77: banned; 2001:db8::77: banned/);
    expect((await banned()).trim()).toBe('');
  });

  it('shuts out who fails to log in, and not the runner', async () => {
    const other = await addressOf(stranger);
    await wrongLogins(stranger, 9);
    for (let tries = 0; tries < 50 && !(await banned()).includes(other); tries += 1) await sleep(200);
    expect(await banned()).toContain(other);
    expect(await wrongLogins(stranger, 1)).toContain('Connection refused');
    expectCode(await host.provision({ mode: 'verify' }), 0);
    await host.shell(`fail2ban-client set sshd unbanip ${other}`);
  }, 90_000);

  it('does not count what the runner tries beside its logins, run after run, and only for ten minutes after', async () => {
    const own = await addressOf(runner);
    const spared = async (): Promise<number> =>
      Number(await host.shell(`grep -c -F 'Ignore ${own} by command' /var/log/fail2ban.log || :`));
    await host.shell(`echo 'PermitRootLogin prohibit-password' >/etc/ssh/sshd_config.d/00-a.conf; systemctl reload ssh
# As its package has it.
fail2ban-client set sshd maxretry 5`);
    const before = await spared();
    // First runs as they fail early: the admin user is not there yet, root comes in, the host is refused.
    for (let count = 0; count < 6; count += 1) {
      const ran = await host.provision({ 'admin-user': 'later', 'dns-names': 'nobody.test' });
      expectCode(ran, 1);
      expect(ran.log).toContain('DNS name nobody.test');
    }
    for (let tries = 0; tries < 50 && (await spared()) < before + 6; tries += 1) await sleep(100);
    expect(await spared()).toBeGreaterThanOrEqual(before + 6);
    expect((await banned()).trim()).toBe('');

    // The same command, to which these logins are too long ago.
    await host.shell(
      'sleep 1; fail2ban-client set sshd ignorecommand "$(fail2ban-client get sshd ignorecommand | sed s/-10min/-1s/)"',
    );
    await wrongLogins(runner, 6);
    for (let tries = 0; tries < 50 && !(await banned()).includes(own); tries += 1) await sleep(100);
    expect(await banned()).toContain(own);
    await host.shell(`fail2ban-client set sshd unbanip ${own}
rm /etc/ssh/sshd_config.d/00-a.conf; systemctl reload ssh; systemctl restart fail2ban`);
  }, 90_000);
});

describe('after a reboot of the host', () => {
  it('published ports were closed at every moment, also where Docker forwards IPv6 by itself', async () => {
    await host.shell(`docker network create --ipv6 --subnet fd5e:7a1c:9b04::/64 six >/dev/null
sed -i 's/^{/{ "ip6tables": true, "experimental": true,/' /etc/docker/daemon.json
systemctl restart docker`);
    await startContainer('db6', '--network six -p 5433:5432 -p 5354:5353/udp');
    const six = ['5433/tcp', '5354/udp'];
    await host.shell(FLUSH);
    // A fresh IPv6 address is not used before it is known to be nobody else's.
    for (let tries = 0; tries < 10 && !Object.values(await knock(six)).every(Boolean); tries += 1) await sleep(300);
    expect(await knock(six)).toEqual(all(six, true));

    await host.shell('systemctl start delivery-docker-user');
    // Knocks without a pause while the host goes down and comes up.
    const watch = run('docker', [
      ...['exec', runner, stage.facts.runner.node, '-e'],
      `const net = require('net'); const one = (port, host) => { const s = net.connect({ host, port }); const next = () => { s.destroy(); setTimeout(one, 20, port, host); };
s.setTimeout(300, next); s.on('connect', () => { console.log('open', host, port); next(); }); s.on('error', next); };
for (const port of [5432, 5433]) for (const host of ['${v4}', '${V6.host}']) one(port, host);
setInterval(() => { if (require('fs').existsSync('/tmp/watched')) process.exit(0); }, 200); setTimeout(() => process.exit(1), 100000);`,
    ]);
    await must('docker', ['restart', '-t', '20', host.vps.container]);
    await addV6(host.vps.container, V6.host);
    for (let tries = 0; tries < 100; tries += 1) {
      if (Object.values(await knock(['443/tcp'])).every(Boolean)) break;
      await sleep(300);
    }
    const ports = [...PUBLISHED, ...six];
    expect(await knock([...ports, ...SERVED])).toEqual({ ...all(ports, false), ...all(SERVED, true) });
    expect((await host.shell('docker ps --format "{{.Names}}" | sort')).trim().split('\n')).toEqual([
      'db',
      'db6',
      'edge',
    ]);
    await host.shell('/opt/edge/bin/docker-user check');
    await must('docker', ['exec', runner, 'touch', '/tmp/watched']);
    expect(await watch).toMatchObject({ code: 0, stdout: '' });
    await must('docker', ['exec', runner, 'rm', '/tmp/watched']);
  }, 120_000);
});
