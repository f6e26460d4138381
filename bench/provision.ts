/**
 * Provisioning beside Ansible: bench/ansible/play.yml makes of a bare server by modules what provision-vps makes of it. Each run takes two new
 * servers, one for each, and both commands run in the same container; which of the two is first alternates.
 */
import { loadavg } from 'node:os';
import { knowHost, startController } from '../rehearsal/hosts/controller.ts';
import type { TestHost } from '../rehearsal/hosts/host.ts';
import { must } from '../rehearsal/hosts/host.ts';
import { removeVps, type Vps } from '../rehearsal/hosts/rig.ts';
import { runInRunner, type RunnerHost } from '../rehearsal/test/action.ts';
import { bareVps, inputsFor, rigOf } from '../rehearsal/test/bare.ts';
import { raise } from '../rehearsal/test/raise.ts';
import { Stage } from '../rehearsal/test/stage.ts';
import { diagnoseKey } from '@delivery/ssh';
import { clock, clocked } from './clock.ts';
import { openLink, type Link } from './link.ts';
import { median } from './sample.ts';
import { spread } from './table.ts';

/** Seconds of one pair. */
export interface Pair {
  ours: number;
  ansible: number;
}
type Case = 'first' | 'second' | 'far';
export type ProvisionResults = Record<Case, Pair[]> & { loads: number[] };

/** Providers' images have Python, which Ansible needs; what apt has fetched for it is forgotten again. */
const BARE = `apt-get -q update && apt-get -q -y install --no-install-recommends python3
rm -rf /var/lib/apt/lists/* /var/lib/apt/periodic/*; touch -d '1 day ago' /var/lib/apt/lists`;

interface Sides {
  stage: Stage;
  controller: TestHost;
  runner: RunnerHost;
  ours: Vps;
  theirs: Vps;
}

/** @param delayMs each way, for the third case */
export async function measureProvision(
  { instance, runs, delayMs }: { instance: string; runs: number; delayMs: number },
  say: (line: string) => void,
): Promise<ProvisionResults> {
  process.env['STAGE_FILE'] ??= await raise(instance, say);
  const stage = Stage.open();
  const controller = await startController(await rigOf(stage), { collections: true, log: say });
  const runner = await clocked({ container: controller.container, node: 'node', root: '/src' }, 'python');
  const results: ProvisionResults = { first: [], second: [], far: [], loads: [] };
  for (let n = 0; n < runs; n++) {
    const [ours, theirs] = [
      await bareVps(stage, `ours${String(n)}.test`),
      await bareVps(stage, `theirs${String(n)}.test`),
    ];
    const sides: Sides = { stage, controller, runner, ours, theirs };
    try {
      for (const vps of [ours, theirs]) await must(vps, ['sh', '-ec', BARE]);
      await prepareAnsible(sides);
      for (const name of ['first', 'second', 'far'] as const) {
        results.loads.push(loadavg()[0] ?? 0);
        const found = await pair(sides, name, n % 2 === 0, delayMs);
        say(
          `${name} ${String(n + 1)}/${String(runs)}: ${JSON.stringify(found)} load ${results.loads.at(-1)?.toFixed(1) ?? ''}`,
        );
        results[name].push(found);
      }
    } finally {
      for (const vps of [ours, theirs]) await removeVps(vps);
    }
  }
  return results;
}

async function pair(sides: Sides, name: Case, oursFirst: boolean, delayMs: number): Promise<Pair> {
  const over = async (vps: Vps, run: (link: Link | null) => Promise<number>): Promise<number> => {
    if (name !== 'far') return run(null);
    const reach = { host: vps.name, port: 22, knownHosts: vps.knownHosts };
    const link = await openLink({ runner: { ...sides.runner, node: 'node' }, vps: reach }, delayMs);
    try {
      return await run(link);
    } finally {
      await link.close();
    }
  };
  const found: Partial<Pair> = {};
  const measure = {
    ours: () => over(sides.ours, (link) => provision(sides, name, link)),
    ansible: () => over(sides.theirs, (link) => play(sides, name, link)),
  };
  for (const side of oursFirst ? (['ours', 'ansible'] as const) : (['ansible', 'ours'] as const))
    found[side] = await measure[side]();
  return found as Pair;
}

async function provision({ stage, runner, ours }: Sides, name: Case, link: Link | null): Promise<number> {
  let log = '';
  const ran = await runInRunner(
    runner,
    'provision-vps',
    { ...inputsFor(stage, ours), ...link?.inputs },
    { timeoutMs: 300_000, onOutput: (text) => (log += text) },
  );
  const changed = Number(ran.outputs['changed']);
  if (ran.code !== 0 || changed > 0 !== (name === 'first'))
    throw new Error(`provision-vps (${name}) ended with ${String(ran.code)}, ${String(changed)} changes\n${ran.log}`);
  return (clock(log, 'ended') - clock(log, 'began')) / 1000;
}

async function prepareAnsible({ stage, controller, theirs }: Sides): Promise<void> {
  await knowHost(controller, theirs);
  const { registry, tls, deployKey, images } = stage.facts;
  const key = diagnoseKey(theirs.adminKey);
  const variables = {
    ...{ registry, tls, deploy_key: deployKey.public, admin_key: key.ok ? key.publicLine : '' },
    ...{ agent_image: images.agent, edge_image: images.edge },
    policy: { repository: `${registry.host}/example/fixture` },
    // What the bare host has already, and what provision-vps adds to it.
    daemon: {
      ...(JSON.parse(await must(theirs, ['cat', '/etc/docker/daemon.json'])) as object),
      ...{ 'live-restore': true, 'log-driver': 'json-file', 'log-opts': { 'max-size': '10m', 'max-file': '3' } },
    },
  };
  await controller.write('/root/peer.json', JSON.stringify(variables), 0o600);
}

async function play({ controller, theirs }: Sides, name: Case, link: Link | null): Promise<number> {
  // A connection that the run before left open would spare this one the handshake.
  await controller.exec(['pkill', '-x', 'ssh']);
  const files = `/root/${theirs.name}`;
  const reach: string[] = [];
  if (link !== null) {
    await controller.write(`${files}/far_hosts`, link.inputs['known-hosts'] ?? '');
    const options = `-o UserKnownHostsFile=${files}/far_hosts -o StrictHostKeyChecking=yes`;
    const far = { ansible_host: '127.0.0.1', ansible_port: link.inputs['ssh-port'], ansible_ssh_common_args: options };
    reach.push('-e', JSON.stringify(far));
  }
  const timed = 'date +%s%3N; ansible-playbook "$@"; code=$?; date +%s%3N; exit $code';
  const ran = await controller.exec(
    [
      'sh',
      '-c',
      timed,
      'play',
      '-i',
      `${files}/inventory.ini`,
      '-e',
      '@/root/peer.json',
      ...reach,
      '/src/bench/ansible/play.yml',
    ],
    { env: { ANSIBLE_PIPELINING: '1', ANSIBLE_PYTHON_INTERPRETER: '/usr/bin/python3' }, timeoutMs: 400_000 },
  );
  const changed = Number(/changed=(\d+)/.exec(ran.stdout)?.[1] ?? -1);
  if (ran.code !== 0 || changed > 0 !== (name === 'first'))
    throw new Error(
      `Ansible (${name}) ended with ${String(ran.code)}, ${String(changed)} changes\n${ran.stdout}${ran.stderr}`,
    );
  const times = ran.stdout.trim().split('\n');
  return (Number(times.at(-1)) - Number(times[0])) / 1000;
}

/** The results as a Markdown table; what is to be reached goes by the medians of the ratios, and of the differences. */
export function provisionTable({ first, second, far, loads }: ProvisionResults): string {
  const ratios = (pairs: readonly Pair[]): number[] => pairs.map(({ ours, ansible }) => ours / ansible);
  const more = far.map(({ ours }, n) => ours - (second[n]?.ours ?? 0));
  const row = (what: string, pairs: readonly Pair[], goal: string): string =>
    `| ${[
      ...[what, String(pairs.length)],
      ...[pairs.map(({ ours }) => ours), pairs.map(({ ansible }) => ansible)].map((values) => spread(values, 2)),
      ...[spread(ratios(pairs), 2), goal],
    ].join(' | ')} |`;
  const reached = (goal: string, found: number, limit: number): string =>
    `${goal}: ${found <= limit ? 'yes' : '**no**'}`;
  return [
    '| What | n | provision-vps, s | Ansible, s | Of Ansible’s time | To reach |',
    '|---|---|---|---|---|---|',
    row('first run, bare server', first, reached('≤ 0.8 of it', median(ratios(first)), 0.8)),
    row('second run, nothing to change', second, reached('≤ 0.1 of it', median(ratios(second)), 0.1)),
    row(
      'the same at a round trip of 40 ms',
      far,
      reached(`≤ 0.6 s more than without (${spread(more, 2)} s)`, median(more), 0.6),
    ),
    '',
    `Load average of the machine before each case: ${spread(loads, 1)}.`,
  ].join('\n');
}
