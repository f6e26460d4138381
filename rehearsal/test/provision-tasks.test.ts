import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ActionRun } from './action.ts';
import { bareHost, tasksWith, type BareHost } from './bare.ts';
import { expectCode } from './expect.ts';
import { run } from './process.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

/** How somebody spoils what a task has set. Each task has a line here, or a reason below. */
const TAMPER: Record<string, string> = {
  daemon_config: `sed -i 's/"live-restore": true/"live-restore": false/' /etc/docker/daemon.json`,
  packages: 'dpkg --remove --force-depends python3-systemd',
  docker_restart: 'echo RestartSec=1h >>/etc/systemd/system/docker.service.d/10-delivery.conf',
  network_edge: 'docker network disconnect --force edge edge; docker network rm edge',
  docker_running: 'systemctl disable docker',
  edge_directories: 'chmod 777 /opt/edge/staging',
  launcher: 'echo id >>/opt/edge/bin/release',
  deploy_user: "usermod --password '!x' deploy",
  deploy_key: 'echo ssh-ed25519 AAAAintruder >>~deploy/.ssh/authorized_keys',
  app_directory: 'chmod 777 /opt/fixture',
  app_secrets: 'chmod 644 /opt/fixture/.env',
  policy: `echo '{"repository":"registry.test/other"}' >/opt/fixture/policy.json`,
  agent_image: 'docker rmi --force "$(cat /opt/edge/agent)"',
  agent: 'echo registry.test/other >/opt/edge/agent',
  edge_image: `image=$(sed -n '1s/^EDGE_IMAGE=//p' /opt/edge/.env); docker tag "$image" kept; docker rmi --force "$image"`,
  tls_files: 'chmod 644 /opt/edge/certs/fixture.tls.key',
  edge: `docker rm --force edge
echo 'api: { insecure: true }' >>/opt/edge/traefik.yaml
echo EDGE_IMAGE=other >>/opt/edge/.env
echo '# other' >>/opt/edge/compose.yaml`,
  tls_shared: "echo 'certFile: /opt/edge/certs/tls.crt' >/opt/edge/dynamic/tls.yaml",
  pins: 'docker rm --force $(docker ps --all --quiet --filter label=delivery.pin=edge | head -n 1)',
  admin_user: "echo '# other' >>/etc/sudoers.d/delivery",
  admin_key: 'chmod 644 ~ops/.ssh/authorized_keys',
  sshd: "sed -i 's/^PasswordAuthentication no/PasswordAuthentication yes/' /etc/ssh/sshd_config.d/00-delivery.conf",
  firewall: 'ufw delete allow 443/tcp',
  // Its rules would be loaded anew by a restart of Docker, which the repair of another task may bring.
  docker_user: "echo 'exit 0' >>/opt/edge/bin/docker-user",
  fail2ban_jail: 'echo maxretry = 10000 >>/etc/fail2ban/jail.d/delivery.local',
  fail2ban_running: 'systemctl stop fail2ban',
  upgrades: `echo 'Unattended-Upgrade::Automatic-Reboot "true";' >>/etc/apt/apt.conf.d/52delivery`,
  journal: "sed -i 's/500M/50G/' /etc/systemd/journald.conf.d/90-delivery.conf",
};

const SHARED_KERNEL =
  "a test host shares its machine's kernel: nothing is set there (unit tests run the script beside it)";
const UNTAMPERABLE: Record<string, string> = {
  app_name: 'refuses a directory that is not ours, and changes nothing (host/provision/test/policy.test.ts)',
  ssh_unconfirmed: 'a change of sshd under way, which is what the tests of sshd make',
  upgrades_timers: 'masked in the image of the test hosts, whose packages must not change during a test',
  clock: SHARED_KERNEL,
  swap: SHARED_KERNEL,
  kernel: SHARED_KERNEL,
};

/** Tasks that see the same tampering too, since what they set rests on it. */
const ALSO_FOUND: Record<string, string[]> = {
  // A container that lost its network is not the edge any more.
  network_edge: ['edge'],
};
/** What comes with a repair. */
const ALSO_DONE: Record<string, string[]> = { ...ALSO_FOUND, sshd: ['ssh_confirmed'] };
const withOthers = (ids: readonly string[], others: Record<string, string[]>): string[] =>
  [...new Set(ids.flatMap((id) => [id, ...(others[id] ?? [])]))].sort();

describe('every task of a hardened host', () => {
  let host: BareHost;
  let bare: ActionRun;
  let first: ActionRun;
  let second: ActionRun;

  beforeAll(async () => {
    host = await bareHost(stage, 'tasks.test');
    bare = await host.provision({ mode: 'plan' });
    expectCode(bare, 0);
    first = await host.provision();
    expectCode(first, 0);
    second = await host.provision();
  }, 300_000);
  afterAll(() => host.remove(), 60_000);

  it('is known here: by how it is tampered with, or why it cannot be', () => {
    const known = [...Object.keys(TAMPER), ...Object.keys(UNTAMPERABLE)].sort();
    expect(tasksWith(bare, '=+~✗-').sort()).toEqual(known);
  });

  it('is announced on a bare server by mode plan, which changes nothing, then applied', async () => {
    const announced = tasksWith(bare, '~');
    expect(bare.outputs['changed']).toBe('0');
    expect(announced).toEqual(
      expect.arrayContaining(['packages', 'launcher', 'deploy_key', 'edge', 'sshd', 'firewall']),
    );
    const changed = tasksWith(first, '+');
    // One task's apply may fulfil a later one: a package starts its service.
    expect(withOthers(announced, ALSO_DONE)).toEqual(expect.arrayContaining(changed));
    expect(Number(first.outputs['changed'])).toBe(changed.length);
    expect(tasksWith(first, '-').sort()).toEqual(tasksWith(bare, '-').sort());
    for (const id of tasksWith(first, '-')) expect(UNTAMPERABLE).toHaveProperty(id);
  });

  it('changes nothing the second time', () => {
    expectCode(second, 0);
    expect({ changed: tasksWith(second, '+'), output: second.outputs['changed'] }).toEqual({
      changed: [],
      output: '0',
    });
  });

  // Two rounds: in each, the other half must not be seen as changed. Neighbours of the table are never tampered with at once.
  it.each([0, 1])(
    'is found out and repaired where it was tampered with, and no other is touched: half %i',
    async (half) => {
      const ids = Object.keys(TAMPER).filter((_id, index) => index % 2 === half);
      for (const id of ids) await host.shell(TAMPER[id] ?? '');

      const plan = await host.provision({ mode: 'plan' });
      expectCode(plan, 0);
      expect(tasksWith(plan, '~').sort()).toEqual(withOthers(ids, ALSO_FOUND));
      expect(plan.outputs['changed']).toBe('0');

      const repair = await host.provision();
      expectCode(repair, 0);
      expect(tasksWith(repair, '+').sort()).toEqual(withOthers(ids, ALSO_DONE));

      const after = await host.provision();
      expectCode(after, 0);
      expect({ changed: tasksWith(after, '+'), output: after.outputs['changed'] }).toEqual({
        changed: [],
        output: '0',
      });
    },
    240_000,
  );

  it('lets containers serve on while an upgrade installs Docker anew and restarts it', async () => {
    const started = "docker inspect --format '{{.Id}} {{.State.StartedAt}}' edge";
    const daemon = 'systemctl show --property MainPID docker';
    const before = [await host.shell(started), await host.shell(daemon)];
    let over = false;
    // As an upgrade does it: other files under the daemons, then a restart of them.
    const upgrade = run('docker', [
      ...['exec', '-e', 'DEBIAN_FRONTEND=noninteractive', host.vps.container, 'sh', '-ec'],
      'apt-get install -q -y --reinstall docker.io containerd runc && systemctl restart containerd docker',
    ]).finally(() => (over = true));
    const answers: number[] = [];
    let [last, longest] = [performance.now(), 0];
    while (!over) {
      const { stdout } = await run('curl', [
        ...['-sk', '--max-time', '5', '-o', '/dev/null', '-w', '%{http_code}'],
        `https://127.0.0.1:${String(host.vps.httpsPort)}/`,
      ]);
      answers.push(Number(stdout));
      if (stdout === '404') {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await upgrade).toMatchObject({ code: 0 });
    const after = [await host.shell(started), await host.shell(daemon)];
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
    // No app is there: the edge itself answers. Docker lays its rules for published ports anew, and refuses new connections meanwhile.
    expect(answers.length).toBeGreaterThan(20);
    expect(answers.filter((status) => status !== 404 && status !== 0)).toEqual([]);
    console.log(
      `longest time without an answer: ${String(Math.round(longest))} ms of ${String(answers.length)} requests`,
    );
    expect(longest).toBeLessThan(3000);
  }, 120_000);
});
