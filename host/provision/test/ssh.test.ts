import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { adminTasks } from '../admin.ts';
import { renderScript } from '../script.ts';
import { openPortTask, SSHD_PATH, sshdDropIn, sshdSettings, sshReadings, sshTask, type SshPlan } from '../ssh.ts';
import { portDropIn, socketDropIn } from '../ssh-port.ts';
import { armRevert, confirmTask, REVERT_UNIT, revertScript, revertTask, type RevertPaths } from '../ssh-revert.ts';
import type { Task } from '../task.ts';

const PLAN: SshPlan = {
  admin: { user: 'ops', key: 'ssh-ed25519 AAAA' },
  port: null,
  socket: false,
  revertSeconds: 90,
};

describe('the sshd drop-in', () => {
  it('is read before the one that cloud-init writes', () => {
    expect([basename(SSHD_PATH), '50-cloud-init.conf', '01-site.conf'].sort()[0]).toBe(basename(SSHD_PATH));
  });

  it('closes passwords and root, and keeps root by key where root is the admin', () => {
    expect(sshdDropIn(PLAN)).toMatch(/^PasswordAuthentication no$/m);
    expect(sshdDropIn(PLAN)).toMatch(/^PermitRootLogin no$/m);
    expect(sshdDropIn({ admin: { user: 'root', key: null } })).toMatch(/^PermitRootLogin prohibit-password$/m);
  });

  it('gives a reason and a source for each setting', () => {
    for (const { reason, source } of sshdSettings(PLAN)) expect(reason !== '' && source !== '').toBe(true);
  });

  it('is judged by what sshd goes by', () => {
    const [reading] = sshReadings({ ...PLAN, port: 2222 });
    const good = sshdSettings(PLAN)
      .map(({ name, value }) => `${name.toLowerCase()} ${value}`)
      .join('\n');
    expect(reading?.judge(`port 2222\n${good}`)).toEqual([]);
    expect(reading?.judge(`port 22\n${good.replace('permitrootlogin no', 'permitrootlogin yes')}`)).toEqual([
      { what: 'sshd -T PermitRootLogin', found: 'yes', allowed: 'no' },
      { what: 'sshd -T Port', found: '22', allowed: '2222' },
    ]);
  });
});

describe('ports', () => {
  it('are named to sshd and to systemd, which forgets its own first', () => {
    expect(portDropIn([22, 2222])).toMatch(/^Port 22\nPort 2222$/m);
    expect(socketDropIn([2222])).toMatch(/\[Socket\]\nListenStream=\nBindIPv6Only=both\nListenStream=2222\n$/);
  });
});

it('makes no user where the login has one already', () => {
  expect(adminTasks({ user: 'ubuntu', key: null })).toEqual([]);
});

describe('a change of sshd', () => {
  const commands = (task: Task): string[] => task.apply.split('\n');

  it.each([
    ['settings', sshTask({ ...PLAN, port: 2222 }, 'deploy')],
    ['new port', openPortTask({ ...PLAN, port: 2222 }, [22, 2222])],
    ['new port of a socket', openPortTask({ ...PLAN, port: 2222, socket: true }, [22, 2222])],
  ])('begins only once the timer that undoes it runs: %s', (_what, task) => {
    const lines = commands(task);
    const armed = lines.findIndex((line) => line === `systemctl -q is-active ${REVERT_UNIT}.timer`);
    const change = lines.findIndex((line) => line.includes('| put') && line.includes('/etc/ssh/sshd_config.d'));
    expect(armed).toBeGreaterThan(0);
    const written =
      change === -1 ? lines.findIndex((line) => line.startsWith('BASE64') && lines.indexOf(line) > armed) : change;
    expect(written).toBeGreaterThan(armed);
    expect(lines.findIndex((line) => line.startsWith('reload_ssh '))).toBeGreaterThan(armed);
  });

  it('is applied by a script of its own, never among the other tasks', () => {
    const task = { ...sshTask(PLAN, 'deploy'), check: 'false', apply: 'true' };
    const memory = mkdtempSync(join(tmpdir(), 'ssh-'));
    const { stdout } = spawnSync('sh', ['-s'], {
      input: renderScript([task], 'proof end done', { memory }),
      encoding: 'utf8',
    });
    rmSync(memory, { recursive: true });
    expect(stdout).toContain('"status":"drift"');
  });
});

describe('the way back', () => {
  let root: string;
  let paths: RevertPaths;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'revert-'));
    paths = {
      state: join(root, 'before'),
      units: join(root, 'units'),
      lock: join(root, 'lock'),
      owner: `${userInfo().username}:${spawnSync('id', ['-gn'], { encoding: 'utf8' }).stdout.trim()}`,
    };
    for (const name of ['units', 'bin', 'etc']) mkdirSync(join(root, name));
    // What the scripts call is written down, and nothing of this machine is touched.
    for (const name of ['systemctl', 'sync', 'sleep']) {
      writeFileSync(join(root, 'bin', name), `#!/bin/sh\necho "${name} $*" >>${root}/log\n`);
      chmodSync(join(root, 'bin', name), 0o755);
    }
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const file = (name: string): string => join(root, 'etc', name);
  const log = (): string => (existsSync(join(root, 'log')) ? readFileSync(join(root, 'log'), 'utf8') : '');
  const PUT = 'put() { cat >"$1.put"; chmod "$2" "$1.put"; mv -f "$1.put" "$1"; }\n';
  const sh = (script: string): { status: number | null; stderr: string } =>
    spawnSync('sh', ['-es'], {
      // /usr/sbin/sshd is not asked for: what it says has tests of its own.
      input: (PUT + script).replaceAll('/usr/sbin/sshd -t', 'true').replaceAll('mkdir -p /run/sshd', 'true'),
      encoding: 'utf8',
      env: { ...process.env, PATH: `${root}/bin:${process.env['PATH'] ?? ''}` },
    });
  const arm = () => sh(armRevert({ files: `${file('there')} ${file('new')}`, socket: false, seconds: 90 }, paths));

  it('starts a timer that comes with the next boot too', () => {
    writeFileSync(file('there'), 'before');
    expect(arm()).toMatchObject({ status: 0, stderr: '' });
    expect(log()).toMatch(new RegExp(`enable ${REVERT_UNIT}.timer\nsystemctl restart ${REVERT_UNIT}.timer\n`));
    const timer = readFileSync(join(root, 'units', `${REVERT_UNIT}.timer`), 'utf8');
    expect(timer).toMatch(/^OnActiveSec=90$/m);
    expect(timer).toMatch(/^WantedBy=timers.target$/m);
  });

  it('gives no change free where the timer does not run', () => {
    writeFileSync(join(root, 'bin/systemctl'), `#!/bin/sh\ncase "$*" in *is-active*) exit 3 ;; esac\n`);
    expect(arm().status).toBe(3);
  });

  it('puts back what was there and takes away what was not', () => {
    writeFileSync(file('there'), 'before', { mode: 0o640 });
    arm();
    writeFileSync(file('there'), 'after');
    writeFileSync(file('new'), 'after');
    expect(sh(revertScript(paths))).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(file('there'), 'utf8')).toBe('before');
    expect(existsSync(file('new'))).toBe(false);
    expect(existsSync(paths.state)).toBe(false);
    expect(existsSync(join(root, 'units', `${REVERT_UNIT}.timer`))).toBe(false);
    expect(log()).toContain('systemctl reload ssh.service');
  });

  it('keeps the oldest state where a change follows an unconfirmed one', () => {
    writeFileSync(file('there'), 'before');
    arm();
    writeFileSync(file('there'), 'between');
    arm();
    sh(revertScript(paths));
    expect(readFileSync(file('there'), 'utf8')).toBe('before');
  });

  it('is gone once it was confirmed, and does nothing afterwards', () => {
    writeFileSync(file('there'), 'before');
    arm();
    writeFileSync(file('there'), 'after');
    expect(sh(`${confirmTask(paths).apply}\n${confirmTask(paths).check}`)).toMatchObject({ status: 0 });
    expect(sh(revertScript(paths)).status).toBe(0);
    expect(readFileSync(file('there'), 'utf8')).toBe('after');
    expect(sh(`check() { ${revertTask(0, paths).check}\n}\ncheck`).status).toBe(0);
  });

  it('cannot be confirmed once it was gone', () => {
    arm();
    sh(revertScript(paths));
    expect(sh(`apply() { ${confirmTask(paths).apply}\n}\napply`).status).toBe(1);
  });

  it('is left to the run that is about to confirm it, which has the host to itself meanwhile', async () => {
    writeFileSync(file('there'), 'before');
    arm();
    writeFileSync(file('there'), 'after');
    rmSync(join(root, 'bin/sleep'));
    const script = (task: Task): string =>
      renderScript([task], 'proof end done', { memory: root }).replace('export PATH=', `export PATH=${root}/bin:`);
    const other = spawn('sh', ['-s']);
    let said = '';
    other.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    const ended = new Promise((resolve) => other.on('close', resolve));
    other.stdin.end(script(revertTask(3, paths)));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const confirmed = spawnSync('sh', ['-s'], { input: script(confirmTask(paths)), encoding: 'utf8' });
    await ended;
    expect(confirmed.stdout).toContain('"task":"ssh_confirmed","status":"changed"');
    expect(said).toContain('another run has settled it meanwhile');
    expect(readFileSync(file('there'), 'utf8')).toBe('after');
  }, 15_000);
});
