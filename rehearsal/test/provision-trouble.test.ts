import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ActionRun, Started } from './action.ts';
import { startInRunner } from './action.ts';
import { dockerTasks } from '../../host/provision/docker.ts';
import { edgeTask } from '../../host/provision/edge-change.ts';
import { edgeCompose } from '../../host/provision/files.ts';
import { parseLine, renderScript } from '../../host/provision/script.ts';
import type { Task } from '../../host/provision/task.ts';
import { PLAN } from '../../host/provision/test/plan.ts';
import { sampleArguments } from './arguments.ts';
import { bareHost, tasksWith, type BareHost } from './bare.ts';
import { errorLine, expectCode } from './expect.ts';
import { must, run, type Ran } from './process.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

/** dpkg's lock as another installer holds it, for some seconds: fcntl, by the perl that every Debian has. */
const HOLD_LOCK = `perl -e 'use Fcntl; open(my $f, ">", "/var/lib/dpkg/lock-frontend") or die; my $l = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0); fcntl($f, F_SETLK, $l) or die "held"; print "held\\n"; $| = 1; sleep shift' `;

// The tests stand in their order: one server comes through all of it, from bare to prepared.
describe('a server that makes trouble', () => {
  let host: BareHost;
  // root stays the admin: its way out has tests of its own, and each try at a user that is not there yet counts as a failed login.
  const inputs = { 'admin-user': 'root' };
  const provision = (): Promise<ActionRun> => host.provision(inputs);
  const start = (): Promise<Started> =>
    startInRunner(stage.facts.runner, 'provision-vps', host.inputs(inputs), { timeoutMs: 240_000 });
  const has = async (...command: string[]): Promise<boolean> =>
    (await run('docker', ['exec', host.vps.container, ...command])).code === 0;

  /** Waits until packages are being unpacked on the host. */
  async function unpacking(): Promise<void> {
    for (let tries = 0; tries < 600; tries += 1) {
      if (await has('pgrep', '-x', 'dpkg')) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('no package was unpacked within a minute');
  }

  beforeAll(async () => {
    host = await bareHost(stage, 'trouble.test');
  }, 120_000);
  afterAll(() => host.remove(), 60_000);

  it('with a broken daemon.json is refused by name before anything is changed', async () => {
    await host.shell(`cp -p /etc/docker/daemon.json /root/kept; echo '{ "live-restore": tru' >/etc/docker/daemon.json`);
    const state =
      'find /etc /opt /var/lib/dpkg -newer /root/kept -type f ! -path /etc/docker/daemon.json -cmin -1 | sort';
    const before = await host.shell(state);
    const ran = await provision();
    expectCode(ran, 1);
    expect(errorLine(ran)).toContain(
      '/etc/docker/daemon.json is there and is not valid JSON: repair or remove it first',
    );
    expect(await host.shell(state)).toBe(before);
    expect(await has('test', '-e', '/opt/edge')).toBe(false);
  }, 60_000);

  it('whose mirror is down says which packages are missing and why', async () => {
    // What the owner has set in daemon.json must be there at the end.
    await host.shell(`cat >/etc/docker/daemon.json <<'END'
{ "registry-mirrors": ["https://registry.test:5001"], "max-concurrent-downloads": 5, "log-opts": { "max-size": "1m" } }
END
mv /etc/apt/sources.list /root/sources.list
echo 'deb http://mirror.invalid/debian trixie main' >/etc/apt/sources.list`);
    const ran = await provision();
    expectCode(ran, 1);
    expect(tasksWith(ran, '✗')).toEqual(['packages']);
    expect(errorLine(ran)).toContain('Task packages failed');
    expect(errorLine(ran)).toContain('mirror.invalid');
    expect(errorLine(ran)).toContain('the next run goes on from there');
    await host.shell('mv /root/sources.list /etc/apt/sources.list');
  }, 120_000);

  it('whose disk is full says so', async () => {
    await host.shell('mount -t tmpfs -o size=2m full /var/cache/apt/archives');
    const ran = await provision();
    await host.shell('umount /var/cache/apt/archives');
    expectCode(ran, 1);
    expect(tasksWith(ran, '✗')).toEqual(['packages']);
    expect(errorLine(ran)).toMatch(/free space|No space left/i);
  }, 120_000);

  it('where another installer holds the lock is waited for; a reboot in the middle ends the run by name', async () => {
    const lock = run('docker', ['exec', host.vps.container, 'sh', '-c', `${HOLD_LOCK} 8`]);
    const started = await start();
    await new Promise((resolve) => setTimeout(resolve, 6000));
    // By now it is at the packages, and has not begun.
    expect(await has('sh', '-c', 'ls -d /run/delivery.*/foreseen')).toBe(true);
    expect(await has('pgrep', '-x', 'apt-get')).toBe(false);
    expect(await lock).toMatchObject({ code: 0, stdout: 'held\n' });
    await unpacking();
    await must('docker', ['restart', '--time', '0', host.vps.container]);
    const ran = await started.ended;
    expectCode(ran, 1);
    errorLine(ran);
  }, 180_000);

  describe('and comes through all of it', () => {
    const canary = randomBytes(12).toString('hex');
    let killed: ActionRun;
    let both: ActionRun[];
    let sampled: Awaited<ReturnType<Awaited<ReturnType<typeof sampleArguments>>>>;

    beforeAll(async () => {
      for (let tries = 0; !(await has('systemctl', 'is-active', 'ssh')) && tries < 150; tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 200));
      const { registry, tls } = stage.facts;
      const stop = await sampleArguments([
        ...[registry.password, Buffer.from(`${registry.username}:${registry.password}`).toString('base64')],
        ...[tls.key.split('\n')[2] ?? '', host.vps.adminKey.split('\n')[2] ?? '', canary],
      ]);
      const control = run('docker', ['exec', host.vps.container, 'sh', '-c', `sleep 2; : ${canary}`]);
      const started = await start();
      await unpacking();
      await started.kill('KILL');
      killed = await started.ended;
      both = await Promise.all([provision(), provision()]);
      await control;
      sampled = await stop();
    }, 240_000);

    it('after the runner was killed, by two runs at once: one changes what is left, the other finds it done', async () => {
      expect(killed.code).not.toBe(0);
      for (const ran of both) expectCode(ran, 0);
      // sshd is set over a second login, after the other tasks: whoever comes to it first.
      const changes = both
        .map((ran) => tasksWith(ran, '+').filter((id) => !id.startsWith('ssh')))
        .sort((a, b) => a.length - b.length);
      expect(changes[0]).toEqual([]);
      expect(changes[1]?.length).toBeGreaterThan(5);
      expect(await host.shell('dpkg --audit')).toBe('');
    });

    it("with the owner's settings of Docker kept and ours beside them", async () => {
      expect(JSON.parse(await host.shell('cat /etc/docker/daemon.json'))).toEqual({
        'registry-mirrors': ['https://registry.test:5001'],
        'max-concurrent-downloads': 5,
        'log-opts': { 'max-size': '1m', 'max-file': '3' },
        'log-driver': 'json-file',
        'live-restore': true,
      });
      expect(await host.shell("docker info --format '{{.LiveRestoreEnabled}}'")).toBe('true\n');
    });

    it('without a secret in any list of arguments', () => {
      expect(sampled.samples).toBeGreaterThan(20);
      const names = ['registry password', 'registry login', 'key of the certificate', "admin's key", 'control'];
      expect([...new Set(sampled.hits.map(({ index }) => names[index]))]).toEqual(['control']);
    });

    it('and is refused with words of Docker where daemon.json holds what it does not take', async () => {
      await host.shell(`cp -p /etc/docker/daemon.json /root/good
echo '{ "no-such-setting": 1 }' >/etc/docker/daemon.json`);
      const ran = await provision();
      expectCode(ran, 1);
      expect(errorLine(ran)).toContain('no-such-setting');
      expect(await host.shell('cat /etc/docker/daemon.json; systemctl is-active docker')).toBe(
        '{ "no-such-setting": 1 }\nactive\n',
      );
      await host.shell('cp -p /root/good /etc/docker/daemon.json');
      const after = await provision();
      expectCode(after, 0);
      expect(tasksWith(after, '+')).toEqual([]);
    }, 60_000);
  });

  describe('whose edge is changed', () => {
    const GOOD = 'edge-good:2';
    const BAD = 'edge-bad:2';
    const seen = (): Promise<string> =>
      host.shell(`cd /opt/edge; sha256sum .env compose.yaml traefik.yaml .started-with; ls -A | grep before || :
docker inspect --format '{{.Config.Image}} {{.State.Running}}' edge; curl -sk -o /dev/null -w '%{http_code}' https://127.0.0.1/`);
    /** An operation of the app, as its agent holds it; ends with the image of the edge as it is then. */
    const operation = (seconds: number): Promise<Ran> => {
      const script = `note=/opt/fixture/owner.json
printf '{"operation":"01TEST","actor":"someone","run":"1","verb":"deploy","startedAt":"2026-01-01T00:00:00.000Z","phase":"working"}' >$note
flock /opt/fixture/lock sh -c 'sleep ${String(seconds)}; docker inspect --format {{.Config.Image}} edge'
rm $note`;
      return run('docker', ['exec', host.vps.container, 'sh', '-c', script]);
    };

    /** One task by itself, with little patience for operations. */
    const apply = async (task: Task): Promise<string> => {
      const script = renderScript([task], 'true', { operationWait: 2 });
      const { stdout } = await run('docker', ['exec', '-i', host.vps.container, 'sh', '-s'], { input: script });
      const line = parseLine(stdout.split('\n')[0] ?? '');
      return line?.kind === 'task' ? `${line.status} ${line.message}` : stdout;
    };

    beforeAll(async () => {
      await host.shell(`docker tag ${stage.facts.images.edge} ${GOOD}
docker create --name ends ${stage.facts.images.edge} >/dev/null
docker commit --change 'ENTRYPOINT ["/bin/false"]' ends ${BAD} >/dev/null
docker rm ends >/dev/null`);
    }, 60_000);

    it('gets the old one back where the new one ends at once, with its files', async () => {
      const before = await seen();
      expect(before).toMatch(/ true\n404$/);
      const plan = await host.provision({ ...inputs, mode: 'plan', 'edge-image': BAD });
      expect(plan.log).toContain(`image ${stage.facts.images.edge} -> ${BAD}`);
      const ran = await host.provision({ ...inputs, 'edge-image': BAD });
      expectCode(ran, 1);
      expect(tasksWith(ran, '✗')).toEqual(['edge']);
      expect(errorLine(ran)).toMatch(
        /no edge comes up with edge-bad:2.*was put back and serves as it did; no answer for \d+ ms/,
      );
      expect(await seen()).toBe(before);
      console.log(/no answer for \d+ ms/.exec(errorLine(ran))?.[0]);
    }, 120_000);

    it('is started with the old configuration again where the new one is not taken', async () => {
      const before = await seen();
      const edge = edgeTask({
        image: stage.facts.images.edge,
        compose: edgeCompose,
        traefik: 'entryPoints: nonsense\n',
      });
      expect(await apply(edge)).toMatch(
        /^failed .*no edge comes up with .*standalone element.*was put back and serves as it did/,
      );
      expect(await seen()).toBe(before);
    }, 60_000);

    it('is changed once the operation of an app has ended, and says for how long it did not answer', async () => {
      const under = operation(6);
      const ran = await host.provision({ ...inputs, 'edge-image': GOOD });
      expect((await under).stdout.trim()).toBe(stage.facts.images.edge);
      expectCode(ran, 0);
      expect(tasksWith(ran, '+')).toEqual(['edge', 'pins']);
      expect(ran.log).toMatch(/waited \d+ s for an operation to end; image \S+ -> edge-good:2; no answer for \d+ ms/);
      expect(await seen()).toContain(`${GOOD} true\n404`);
      console.log(/no answer for \d+ ms/.exec(ran.log)?.[0]);
    }, 120_000);

    it('stays as it is, and Docker too, where that operation does not end', async () => {
      const before = await seen();
      const daemon = await host.shell('systemctl show --property MainPID docker; sha256sum /etc/docker/daemon.json');
      const under = operation(8);
      const edge = edgeTask({ image: BAD, compose: 'services: {}\n', traefik: '' });
      const restart = dockerTasks({ ...PLAN, daemonJson: '{"live-restore":true}' }).filter(
        ({ id }) => id === 'daemon_config',
      );
      for (const task of [edge, ...restart])
        expect(await apply(task)).toMatch(
          /^failed operations of apps are still under way after 2 s: fixture: deploy 01TEST by someone.*run it again/,
        );
      expect(restart).toHaveLength(1);
      expect((await under).stdout.trim()).toBe(GOOD);
      expect(await seen()).toBe(before);
      expect(await host.shell('systemctl show --property MainPID docker; sha256sum /etc/docker/daemon.json')).toBe(
        daemon,
      );
      expectCode(await host.provision({ ...inputs }), 0);
    }, 120_000);
  });
});
