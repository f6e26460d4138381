import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openSession, SshError } from '@delivery/ssh';
import { startInRunner, type ActionRun, type Inputs } from './action.ts';
import { bareHost, tasksWith, type BareHost } from './bare.ts';
import { errorLine, expectCode } from './expect.ts';
import { must } from './process.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();
const PASSWORD = 'correct horse battery';
/** Long enough for a login, short enough to wait for. */
const REVERT = 6;

let bare: BareHost;
let address: string;

beforeAll(async () => {
  bare = await bareHost(stage, 'lockout.test');
  await readAddress();
  // Wrong logins are the subject here: the guard would shut this machine out.
  await bare.shell(`mkdir -p /etc/fail2ban/jail.d
printf '[sshd]\\nignoreip = 127.0.0.0/8 172.16.0.0/12 192.168.0.0/16 10.0.0.0/8\\n' >/etc/fail2ban/jail.d/zz-test.local
echo 'root:${PASSWORD}' | chpasswd`);
}, 90_000);
afterAll(() => bare.remove());

async function readAddress(): Promise<void> {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  address = (await must('docker', ['inspect', '--format', format, bare.vps.container])).trim();
}

/** Tries to log in from this machine and to become root: `in`, or why not. */
async function knock(user: string, { port = 22, password = '' } = {}): Promise<string> {
  const credentials = password === '' ? { key: bare.vps.adminKey } : { password };
  const options = { host: address, port, user, knownHosts: bare.vps.hostFingerprint, connectTimeoutMs: 4000 };
  try {
    const session = await openSession({ ...options, ...credentials });
    try {
      const { code } = await session.exec(user === 'root' ? 'true' : 'sudo -n true', { timeoutMs: 4000 });
      return code === 0 ? 'in' : `exit code ${String(code)}`;
    } finally {
      session.close();
    }
  } catch (error) {
    if (error instanceof SshError) return error.kind;
    throw error;
  }
}

const provision = (more: Inputs = {}): Promise<ActionRun> =>
  bare.provision({ 'revert-seconds': String(REVERT), 'connect-timeout-seconds': '4', ...more });

/** Starts a run and does something as soon as its log says so. */
async function provisionUntil(mark: string, act: (kill: () => Promise<void>) => Promise<unknown>, more: Inputs = {}) {
  let reached = (): void => undefined;
  const mentioned = new Promise<void>((resolve) => (reached = resolve));
  let log = '';
  const inputs = bare.inputs({ 'revert-seconds': String(REVERT), 'connect-timeout-seconds': '4', ...more });
  const started = await startInRunner(stage.facts.runner, 'provision-vps', inputs, {
    onOutput: (text) => {
      log += text;
      if (log.includes(mark)) reached();
    },
  });
  await Promise.race([mentioned, started.ended]);
  if (!log.includes(mark)) throw new Error(`the run never came to ${JSON.stringify(mark)}:\n${log}`);
  await act(() => started.kill());
  return started.ended;
}

/** The second run of a set of inputs. */
async function expectNothingToChange(more: Inputs = {}): Promise<ActionRun> {
  const ran = await provision(more);
  expectCode(ran, 0);
  expect({ changed: ran.outputs['changed'], tasks: tasksWith(ran, '+') }).toEqual({ changed: '0', tasks: [] });
  return ran;
}

/** sshd as it was before anything of ours, without an admin user: the next run begins as root. */
const bareSsh = (): Promise<string> =>
  bare.shell(`pkill -KILL -u ops || true
userdel --force --remove ops 2>/dev/null || true
rm -f /etc/ssh/sshd_config.d/00-delivery* /etc/ssh/sshd_config.d/9*
systemctl reload ssh
sleep 0.5`);

const unconfirmed = (): Promise<string> =>
  bare.shell('ls -d /var/lib/delivery/ssh-before /etc/systemd/system/delivery-ssh-revert.* 2>/dev/null || true');

/** Nothing of ours closes anything, and root gets in as before. */
async function expectAsBefore(): Promise<void> {
  expect(await knock('root')).toBe('in');
  expect(await bare.shell('ls /etc/ssh/sshd_config.d')).not.toContain('00-delivery');
  expect(await unconfirmed()).toBe('');
}

async function waitFor(what: string, good: () => Promise<boolean>, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await good())) {
    if (Date.now() > deadline) throw new Error(`not within ${String(seconds)} s: ${what}`);
    await sleep(300);
  }
}

/** The admin's next command hangs, as of the next reload: the run gets to change sshd and never to confirm it. */
const stallAdmin = (): Promise<string> =>
  bare.shell(`printf 'Match User ops\\n  ForceCommand sleep 60\\n' >/etc/ssh/sshd_config.d/90-stall.conf`);
const unstallAdmin = (): Promise<string> => bare.shell('rm -f /etc/ssh/sshd_config.d/90-stall.conf');

describe('closing root and passwords', () => {
  it('is done once the admin user is in, whatever cloud-init says', async () => {
    await bare.shell(`printf 'PasswordAuthentication yes\\nPermitRootLogin yes\\n' >/etc/ssh/sshd_config.d/50-cloud-init.conf
systemctl reload ssh
sleep 0.5`);
    expect(await knock('root', { password: PASSWORD })).toBe('in');
    const ran = await provision({ 'revert-seconds': '60' });
    expectCode(ran, 0);
    expect(await knock('root')).toBe('auth');
    expect(await knock('root', { password: PASSWORD })).toBe('auth');
    expect(await knock('ops')).toBe('in');
    expect(await unconfirmed()).toBe('');
    expect(await bare.shell('stat -c "%a %U" /etc/sudoers.d/delivery ~ops/.ssh/authorized_keys')).toBe(
      '440 root\n600 ops\n',
    );
  }, 240_000);

  it('lets the same inputs work again, and changes nothing', async () => {
    await expectNothingToChange();
  }, 30_000);

  it('outlasts a file of cloud-init that comes later', async () => {
    await bare.shell(
      `printf 'PasswordAuthentication yes\\n' >/etc/ssh/sshd_config.d/60-cloud-init.conf; systemctl reload ssh`,
    );
    await expectNothingToChange();
    expect(await knock('root', { password: PASSWORD })).toBe('auth');
  }, 30_000);

  it('leaves the deploy key with the launcher alone', async () => {
    const key = stage.facts.deployKey.private;
    const options = { host: address, port: 22, user: 'deploy', key, knownHosts: bare.vps.hostFingerprint };
    const session = await openSession({ ...options, connectTimeoutMs: 4000 });
    const { stderrTail } = await session.exec('id', {
      timeoutMs: 10_000,
      onStdoutLine: (line) => expect(line).not.toContain('uid='),
    });
    session.close();
    expect(stderrTail).not.toContain('uid=');
  }, 30_000);
});

describe("somebody else's configuration", () => {
  beforeEach(bareSsh);

  it('names the file of another that wins, and stays as it was', async () => {
    await bare.shell(
      `printf 'Match User deploy\\n  PasswordAuthentication yes\\n' >/etc/ssh/sshd_config.d/91-match.conf`,
    );
    const ran = await provision();
    expectCode(ran, 1);
    expect(errorLine(ran)).toMatch(/in a Match block, for deploy.*91-match\.conf:2/);
    expect(await unconfirmed()).toBe('');
    expect(await knock('root')).toBe('in');
  }, 60_000);

  it('is refused before anything where somebody has broken the configuration', async () => {
    await bare.shell(`echo 'Nonsense on stilts' >/etc/ssh/sshd_config.d/92-broken.conf`);
    const ran = await provision();
    expectCode(ran, 1);
    expect(errorLine(ran)).toMatch(/nothing was changed.*92-broken\.conf.*Nonsense/);
    expect(tasksWith(ran, '+')).toEqual([]);
    expect(await knock('root')).toBe('in');
  }, 30_000);
});

describe('a login that does not come through', () => {
  beforeEach(bareSsh);

  const otherKeys = `mkdir -p /etc/ssh/keys
printf 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJhZGJhZGJhZGJhZGJhZGJhZGJhZGJhZGJhZGJhZGJh else\\n' >/etc/ssh/keys/ops
printf 'Match User ops\\n  AuthorizedKeysFile /etc/ssh/keys/%%u\\n' >/etc/ssh/sshd_config.d/93-keys.conf`;

  it('leaves everything open where the wrong key is there from the start', async () => {
    await bare.shell(`${otherKeys}\nsystemctl reload ssh; sleep 0.5`);
    const ran = await provision();
    expectCode(ran, 1);
    expect(errorLine(ran)).toMatch(/Nothing of sshd was changed.*refused to log in .*ops/);
    await expectAsBefore();
  }, 60_000);

  it('undoes the change at once where it is the change that shuts the admin out', async () => {
    await bare.shell(otherKeys);
    const ran = await provision({ 'revert-seconds': '60' });
    expectCode(ran, 1);
    expect(errorLine(ran)).toMatch(/ops was not let in on port 22.*has been undone/);
    await expectAsBefore();
  }, 60_000);
});

describe('a runner that is killed at one step after another', () => {
  const unchanged = (): Promise<string> => Promise.resolve('');
  // Each run finds what the one before it has left, and gets further.
  it.each<[mark: string, more: Inputs, before: () => Promise<string>]>([
    ['+ admin_key', {}, bareSsh],
    ['+ firewall', {}, () => bare.shell('ufw --force disable')],
    ['+ ssh_new_port', { 'new-ssh-port': '2222' }, unchanged],
    // Only who begins as root has to become it.
    ['becomes root', {}, bareSsh],
    ['+ sshd', {}, unchanged],
    ['+ ssh_confirmed', {}, bareSsh],
  ])(
    'leaves a host that is reachable at "%s"',
    async (mark, more, before) => {
      await before();
      await provisionUntil(mark, (kill) => kill(), more);
      expect([await knock('root'), await knock('ops')]).toContain('in');
    },
    60_000,
  );

  it('leaves a host that the next run puts right', async () => {
    expectCode(await provision(), 0);
    expect([await knock('root'), await knock('ops')]).toEqual(['auth', 'in']);
    expect(await bare.shell('ufw status')).toMatch(/^Status: active/);
    expect(await unconfirmed()).toBe('');
  }, 60_000);
});

describe('two runs at once, as the admin', () => {
  /** sshd as it is set, and nothing is left to undo. */
  async function expectSound(): Promise<void> {
    expect([await knock('root'), await knock('ops')]).toEqual(['auth', 'in']);
    expect(await bare.shell('sshd -t && sshd -T | grep -x "passwordauthentication no"')).not.toBe('');
    expect(await unconfirmed()).toBe('');
  }
  const spoil = (): Promise<string> =>
    bare.shell(`sed -i 's/^PasswordAuthentication no/PasswordAuthentication yes/' /etc/ssh/sshd_config.d/00-delivery.conf
systemctl reload ssh; ufw delete allow 443/tcp >/dev/null; sleep 0.5`);

  it('both end well: one repairs, the other waits for it', async () => {
    await spoil();
    const both = await Promise.all([1, 2].map(() => provision({ 'revert-seconds': '60' })));
    for (const ran of both) expectCode(ran, 0);
    expect(both.filter((ran) => tasksWith(ran, '+').includes('firewall'))).toHaveLength(1);
    await expectSound();
  }, 60_000);

  it('both end well where one finds what the other has changed and not confirmed yet', async () => {
    await spoil();
    // From the reload on, the first command of the admin takes its time: it is the one that confirms.
    await bare.shell(
      `printf 'Match User ops\\n  ForceCommand mkdir /tmp/first 2>/dev/null && sleep 3; eval "$SSH_ORIGINAL_COMMAND"\\n' >/etc/ssh/sshd_config.d/90-slow.conf`,
    );
    const runs: Promise<ActionRun>[] = [];
    const start = (): Promise<void> => {
      runs.push(provision({ 'revert-seconds': '60' }));
      return Promise.resolve();
    };
    expectCode(await provisionUntil('+ sshd', start, { 'revert-seconds': '60' }), 0);
    const [other] = await Promise.all(runs);
    await bare.shell('rm -r /etc/ssh/sshd_config.d/90-slow.conf /tmp/first; systemctl reload ssh; sleep 0.5');
    expect(other?.log).toContain('another run has settled it meanwhile');
    expect(other?.code).toBe(0);
    await expectSound();
  }, 60_000);
});

describe('a runner that is gone', () => {
  beforeEach(bareSsh);

  it('after the change leaves a host that undoes it by itself', async () => {
    await stallAdmin();
    await provisionUntil('+ sshd', (kill) => kill());
    await unstallAdmin();
    expect(await unconfirmed()).not.toBe('');
    await waitFor('the change is undone', async () => (await unconfirmed()) === '', REVERT + 6);
    await expectAsBefore();
  }, 60_000);

  it('and a cut connection too: the change is undone by the host', async () => {
    await stallAdmin();
    const ran = await provisionUntil('+ sshd', () => bare.shell('iptables -I INPUT -p tcp --dport 22 -j DROP'));
    await unstallAdmin();
    expectCode(ran, 1);
    expect(errorLine(ran)).toMatch(/the host does so by itself/);
    await bare.shell('iptables -D INPUT -p tcp --dport 22 -j DROP');
    await waitFor('the change is undone', async () => (await unconfirmed()) === '', REVERT + 6);
    await expectAsBefore();
  }, 150_000);

  it('is settled by the next run, even before the host has done so', async () => {
    await stallAdmin();
    await provisionUntil('+ sshd', (kill) => kill(), { 'revert-seconds': '300' });
    await unstallAdmin();
    expect(await unconfirmed()).not.toBe('');
    expect(await knock('root')).toBe('auth');
    await bare.shell('systemctl reload ssh; sleep 0.5');
    expectCode(await provision(), 0);
    await expectNothingToChange();
    expect(await unconfirmed()).toBe('');
  }, 90_000);

  it('and a reboot in between leave a host that undoes the change after it', async () => {
    await stallAdmin();
    await provisionUntil('+ sshd', (kill) => kill(), { 'revert-seconds': '10' });
    await must('docker', ['restart', bare.vps.container]);
    await readAddress();
    expect(await unconfirmed()).not.toBe('');
    await unstallAdmin();
    await waitFor('the change is undone', async () => (await unconfirmed()) === '', 30);
    await expectAsBefore();
    expectCode(await provision(), 0);
  }, 120_000);
});

describe('another port', () => {
  const moved = { 'new-ssh-port': '2222' };

  async function expectGivenUp(): Promise<void> {
    await bare.shell('iptables -I INPUT -p tcp --dport 2222 -j DROP');
    const ran = await provision({ ...moved, 'connect-timeout-seconds': '3', 'revert-seconds': '60' });
    await bare.shell('iptables -D INPUT -p tcp --dport 2222 -j DROP');
    expectCode(ran, 1);
    expect(errorLine(ran)).toMatch(/provider.*2222.*has been undone/);
    expect(await knock('ops')).toBe('in');
    expect(await knock('ops', { port: 2222 })).toBe('unreachable');
  }

  async function expectMoved(): Promise<void> {
    expectCode(await provision(moved), 0);
    expect(await knock('ops', { port: 2222 })).toBe('in');
    expect(await knock('ops')).toBe('unreachable');
    expect(await bare.shell('ufw status')).not.toMatch(/^22\b/m);
    await expectNothingToChange(moved);
  }

  it(
    'is given up where a firewall lets nobody through to it, and the old one answers as before',
    expectGivenUp,
    60_000,
  );

  it('is moved to once a login came through it, and is found by the next runs', async () => {
    await expectMoved();
    await expectNothingToChange({ 'ssh-port': '2222' });
  }, 60_000);

  it('is left again in the same way', async () => {
    expectCode(await provision({ 'new-ssh-port': '22', 'ssh-port': '2222' }), 0);
    expect(await knock('ops')).toBe('in');
    expect(await knock('ops', { port: 2222 })).toBe('unreachable');
  }, 60_000);

  it('works the same where systemd listens in the place of sshd', async () => {
    await bare.shell('systemctl -q disable --now ssh.service; systemctl -q enable --now ssh.socket');
    await expectGivenUp();
    await expectMoved();
    expect(await bare.shell('systemctl is-active ssh.socket')).toBe('active\n');
  }, 90_000);
});
