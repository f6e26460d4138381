import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dockerTasks } from '../docker.ts';
import type { Task } from '../task.ts';
import { FakeHost } from './fake-host.ts';
import { PLAN } from './plan.ts';

const NOTE =
  '{"operation":"01J8","actor":"someone","run":"7","verb":"deploy","startedAt":"2026-01-02T03:04:05.000Z","phase":"working"}\n';

let host: FakeHost;
let holders: ChildProcess[];
beforeEach(() => {
  host = new FakeHost();
  holders = [];
  for (const app of ['blog', 'shop']) for (const file of ['.env', 'lock']) host.write(`opt/${app}/${file}`, '');
});
afterEach(() => {
  for (const holder of holders) holder.kill('SIGKILL');
  host.remove();
});

/** An agent at work on an app. */
async function operate(app: string): Promise<ChildProcess> {
  host.write(`opt/${app}/owner.json`, NOTE);
  const lock = join(host.root, 'opt', app, 'lock');
  const holder = spawn('flock', ['--no-fork', lock, 'sh', '-c', 'echo held; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  holders.push(holder);
  if (holder.stdout) await once(holder.stdout, 'data');
  return holder;
}

/** Whether each app's lock is free, asked from inside a task that holds the operations. */
const held: Task = {
  ...{ id: 'held', reason: 'test', source: 'test', check: '[ -e /opt/done ]' },
  apply: `hold_operations /opt
for app in blog shop; do if flock -n "/opt/$app/lock" true; then say "$app free"; else say "$app held"; fi; done
: >/opt/done`,
};
const free: Task = { ...held, id: 'free', check: held.apply.replace('hold_operations /opt\n', '') };
const run = (task: Task = held): string[] => host.run([task], ['/opt'], 'apply', 1);

describe('a task that takes Docker or the edge from under the apps', () => {
  it('holds the lock of each app meanwhile, and leaves lock and note as they are', () => {
    host.write('opt/shop/lock', 'kept');
    host.write('opt/shop/owner.json', NOTE);
    expect(run()[0]).toMatch(/^held changed blog held; shop held/);
    expect(host.read('opt/shop/lock')).toBe('kept');
    expect(host.read('opt/shop/owner.json')).toBe(NOTE);
    expect(run(free)).toEqual(['free ok blog free; shop free']);
  });

  it('changes nothing while one is under way, and names it', async () => {
    await operate('shop');
    expect(run()).toEqual([
      'held failed operations of apps are still under way after 1 s: shop: deploy 01J8 by someone, since 2026-01-02T03:04:05.000Z; this task changed nothing; run it again when they have ended',
    ]);
    expect(existsSync(join(host.root, 'opt/done'))).toBe(false);
    expect(host.read('opt/shop/owner.json')).toBe(NOTE);
  });

  it('goes on once that has ended, and does not take the lock of the dead for held', async () => {
    const holder = await operate('shop');
    setTimeout(() => holder.kill('SIGKILL'), 100);
    await once(holder, 'exit');
    expect(run()[0]).toMatch(/^held changed blog held; shop held/);
  });

  it('is done with its locks when it is killed, whatever kills it', () => {
    const killed = { ...held, apply: `hold_operations /opt\nkill -KILL "$(exec sh -c 'echo $PPID')"` };
    expect(run(killed)[0]).toMatch(/^held failed/);
    expect(run(free)).toEqual(['free ok blog free; shop free']);
  });

  it('is none of a host without apps, nor of a directory that is not an app', () => {
    host.remove();
    host = new FakeHost();
    host.write('opt/edge/lock', '');
    host.write('opt/edge/.env', '');
    host.write('opt/other/lock', '');
    const lone = { ...held, apply: 'hold_operations /opt; [ ! -e "$work/hold" ]; : >/opt/done' };
    expect(run(lone)[0]).toMatch(/^held changed/);
  });
});

describe('a restart of Docker by its configuration', () => {
  it('waits for them, and leaves the configuration as it was where they do not end', async () => {
    host.program('systemctl');
    host.program('dockerd');
    await operate('blog');
    const task = dockerTasks({ ...PLAN, daemonJson: '{"live-restore":true}' }).find(({ id }) => id === 'daemon_config');
    if (!task) throw new Error('no such task');
    expect(host.run([task], ['/etc/docker', '/run/docker.pid', '/opt'], 'apply', 1)[0]).toMatch(
      /^daemon_config failed .*blog: deploy 01J8/,
    );
    expect(host.calls().filter((call) => /restart|reload/.test(call))).toEqual([]);
    expect(existsSync(join(host.root, 'etc/docker/daemon.json'))).toBe(false);
    holders[0]?.kill('SIGKILL');
    expect(host.run([task], ['/etc/docker', '/run/docker.pid', '/opt'], 'apply', 5)[0]).toMatch(
      /^daemon_config changed/,
    );
    expect(readFileSync(join(host.root, 'etc/docker/daemon.json'), 'utf8')).toBe('{"live-restore":true}');
    expect(host.calls()).toEqual(expect.arrayContaining(['systemctl restart docker']));
  });
});
