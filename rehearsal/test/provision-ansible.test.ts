import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { diagnoseKey } from '@delivery/ssh';
import { knowHost, startController } from '../hosts/controller.ts';
import type { TestHost } from '../hosts/host.ts';
import { removeVps, type Vps } from '../hosts/rig.ts';
import { runInRunner, type ActionRun } from './action.ts';
import { sampleArguments, type Sampled } from './arguments.ts';
import { bareVps, inputsFor, rigOf } from './bare.ts';
import { expectCode } from './expect.ts';
import { differences, hostState } from './host-state.ts';
import { run, type Ran } from './process.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

/** All that two hosts may differ in: fail2ban makes its chains at the first ban, and the action tries one. */
const AFTER_A_BAN = /^[<>] ip6?tables -[AN] (INPUT .* )?(-j )?f2b-sshd/;
/** What is Ansible's own affair. */
const CONNECTION = /^(vps-|ssh-|known-hosts$|password$|connect-|dns-names$)/;

describe('a server prepared by the playbook', () => {
  let controller: TestHost;
  let [byAction, byPlaybook]: Vps[] = [];
  let action: ActionRun;
  let playbook: Ran;
  let sampled: Sampled;

  /** As the seeds call it, with an inventory and variables that lie elsewhere. */
  const play = (user: string, ...more: string[]): Promise<Ran> => {
    const files = `/root/${String(byPlaybook?.name)}`;
    const variables = ['-i', `${files}/inventory.ini`, '-e', `@${files}/provision.json`, '-u', user];
    return run(
      'docker',
      [
        // Whose workflows the signing identity means; the action has it from its runner.
        ...['exec', '-w', '/src', '-e', 'GITHUB_SERVER_URL=https://github.example', controller.container],
        ...['ansible-playbook', 'playbook.yml', '-l', 'vps_servers', ...variables, ...more],
      ],
      { timeoutMs: 240_000 },
    );
  };
  const recap = ({ stdout }: Ran): string =>
    /^the-vps .*?(changed=\d+ +unreachable=\d+ +failed=\d+)/m.exec(stdout)?.[1]?.replaceAll(/ +/g, ' ') ?? stdout;

  beforeAll(async () => {
    controller = await startController(await rigOf(stage));
    byAction = await bareVps(stage, 'byaction.test');
    byPlaybook = await bareVps(stage, 'byplaybook.test');
    await knowHost(controller, byPlaybook);
    const inputs = Object.entries(inputsFor(stage, byPlaybook)).filter(([name]) => !CONNECTION.test(name));
    const key = diagnoseKey(byPlaybook.adminKey);
    const admin = { 'admin-public-key': key.ok ? key.publicLine : '' };
    const provision = JSON.stringify({ provision: { ...Object.fromEntries(inputs), ...admin } });
    await controller.write(`/root/${byPlaybook.name}/provision.json`, provision, 0o600);
    const { registry, tls } = stage.facts;
    const sample = await sampleArguments([registry.password, tls.key.split('\n')[1] ?? '']);
    [action, playbook] = await Promise.all([
      runInRunner(stage.facts.runner, 'provision-vps', inputsFor(stage, byAction), { timeoutMs: 240_000 }),
      play('root'),
    ]);
    sampled = await sample();
  }, 300_000);

  afterAll(async () => {
    for (const vps of [byAction, byPlaybook]) if (vps !== undefined) await removeVps(vps);
  });

  it('needs nothing but ansible-core, and says what was changed', () => {
    expectCode(action, 0);
    expect(recap(playbook)).toMatch(/^changed=[1-9] unreachable=0 failed=0$/);
    for (const line of ['+ packages (', '+ sshd (', '+ ssh_confirmed (']) expect(playbook.stdout).toContain(line);
  });

  it('is what the action makes of one', async () => {
    const [left = [], right = []] = await Promise.all(
      [byAction, byPlaybook].map((vps) => hostState(vps?.container ?? '')),
    );
    expect(left.length).toBeGreaterThan(500);
    expect(differences(left, right).filter((line) => !AFTER_A_BAN.test(line))).toEqual([]);
  });

  it('got its secrets in no argument list, on neither machine', () => {
    expect(sampled.samples).toBeGreaterThan(50);
    expect(sampled.hits).toEqual([]);
  });

  it('is not changed by a second run', async () => {
    expect(recap(await play('ops'))).toBe('changed=0 unreachable=0 failed=0');
  }, 120_000);

  it('is only looked at with --check, which shows what a run would repair', async () => {
    const jail = '/etc/fail2ban/jail.d/delivery.local';
    const on = (...command: string[]): Promise<Ran> => run('docker', ['exec', byPlaybook?.container ?? '', ...command]);
    await on('rm', jail);
    const checked = await play('ops', '--check');
    expect(recap(checked)).toBe('changed=1 unreachable=0 failed=0');
    expect(checked.stdout).toContain('~ fail2ban_jail (');
    expect((await on('test', '-e', jail)).code).toBe(1);
    expect((await play('ops')).stdout).toContain('+ fail2ban_jail (');
    expect((await on('test', '-e', jail)).code).toBe(0);
  }, 240_000);

  it('keeps what was told wrong to itself: the input is named, nothing is sent', async () => {
    const ran = await play('ops', '-e', '{"provision": {"app": "edge"}}');
    expect(ran.code).toBe(2);
    expect(ran.stdout).toContain('found \\"edge\\"; allowed: another name');
  }, 120_000);
});
