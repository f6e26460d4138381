import { agentsSince } from '../rehearsal/test/agents.ts';
import { raise } from '../rehearsal/test/raise.ts';
import { startInRunner } from '../rehearsal/test/action.ts';
import type { ActionName, ActionRun, Inputs, RunnerHost, Started } from '../rehearsal/test/action.ts';
import { Stage } from '../rehearsal/test/stage.ts';
import type { Built } from '../rehearsal/test/stage.ts';
import { clock, clocked } from './clock.ts';
import type { Link } from './link.ts';
import { pause, sample, stepSeconds } from './sample.ts';
import type { Sample } from './sample.ts';

export interface Bench {
  stage: Stage;
  runner: RunnerHost;
  a: Built;
  b: Built;
  crash: Built;
  hang: Built;
  fresh: Built[];
}

export type Mix = 'get' | 'mixed';

/** How one action is run and what it has to come to. */
interface Doing {
  mix?: Mix;
  /** exit code that is expected; the run is no measurement otherwise */
  code?: number;
  outcome: string;
  link?: Link | null;
}

/** Raises the test hosts (or takes those of STAGE_FILE), provisions the VPS and builds every release that the runs need. */
export async function raiseForBench(instance: string, runs: number, say: (line: string) => void): Promise<Bench> {
  process.env['STAGE_FILE'] ??= await raise(instance, say);
  const stage = Stage.open();
  say('provisioning');
  await stage.provisioned();
  say('building releases');
  const layer = { LAYER_MB: '5' };
  const a = await stage.build('a', layer);
  const b = await stage.build('b', layer);
  const crash = await stage.build('crash', { ...layer, SICK: 'crash' });
  const hang = await stage.build('hang', { ...layer, SICK: 'hang' });
  const fresh: Built[] = [];
  for (let n = 0; n < runs; n++) fresh.push(await stage.build(`fresh${String(n)}`, layer));
  return { stage, runner: await clocked(stage.facts.runner), a, b, crash, hang, fresh };
}

/** Waits until no operation is under way: the drain of the run before has to be over, as plain compose's outage has. */
async function idle(stage: Stage): Promise<void> {
  for (let n = 0; n < 120 && (await stage.status()).operation !== null; n++) await pause(1);
}

/** Starts an action and notes when its log said that the switch was confirmed, milliseconds since 1970. */
async function start(
  bench: Bench,
  action: ActionName,
  inputs: Inputs,
): Promise<{ started: Started; log: () => string; confirmed: () => number | null }> {
  let log = '';
  let confirmed: number | null = null;
  const onOutput = (text: string): void => {
    log += text;
    if (confirmed === null && /^✓ confirm /m.test(log)) confirmed = Date.now();
  };
  const started = await startInRunner(bench.runner, action, inputs, { onOutput });
  return { started, log: () => log, confirmed: () => confirmed };
}

/** Runs an action under load and takes its times. Throws where it does not come to what is expected. */
async function measured(bench: Bench, action: ActionName, inputs: Inputs, doing: Doing): Promise<Sample> {
  const { stage } = bench;
  const { link = null, mix = 'get', code = 0, outcome } = doing;
  await idle(stage);
  const load = await stage.load(mix, { 'slow-seconds': '4' });
  const before = link?.connections() ?? 0;
  const asked = Date.now();
  const run = await start(bench, action, { ...inputs, ...link?.inputs });
  const ran = await run.started.ended;
  await pause(3);
  const report = await load.stop();
  expectEnd(ran, code, outcome);
  const began = clock(run.log(), 'began');
  const ended = clock(run.log(), 'ended');
  const confirmed = run.confirmed();
  return sample(report, began, {
    wall: (ended - began) / 1000,
    switched: confirmed === null || code !== 0 ? null : (confirmed - began) / 1000,
    onHost: onHost(ran),
    drain: stepSeconds(run.log(), 'drain'),
    bake: stepSeconds(run.log(), 'bake'),
    ...(link === null ? {} : { connections: link.connections() - before, agents: await agentsSince(stage, asked) }),
  });
}

function onHost(ran: ActionRun): number | null {
  const ms = ran.outputs['switched-ms'] ?? '';
  return ms === '' ? null : Number(ms) / 1000;
}

function expectEnd(ran: ActionRun, code: number, outcome: string): void {
  if (ran.code !== code || ran.outputs['outcome'] !== outcome)
    throw new Error(
      `exit code ${String(code)} and ${outcome} expected, found ${String(ran.code)} and ${String(ran.outputs['outcome'])}\n${ran.log}`,
    );
}

function rollbackInputs({ stage }: Bench, release = ''): Inputs {
  return { ...stage.ssh(), 'vps-user': 'deploy', 'ssh-private-key': stage.facts.deployKey.private, release };
}

export function deploy(bench: Bench, built: Built, more: { mix?: Mix; link?: Link } = {}): Promise<Sample> {
  return measured(bench, 'deploy-release', bench.stage.deployInputs(built.release), { ...more, outcome: 'deployed' });
}

/** The release that runs already, once more. */
export async function again(bench: Bench, link: Link | null = null): Promise<Sample> {
  const running = (await bench.stage.status()).running?.release;
  const built = [bench.a, bench.b, ...bench.fresh].find(({ releaseId }) => releaseId === running);
  if (built === undefined) throw new Error(`release ${String(running)} is none of the bench's`);
  return measured(bench, 'deploy-release', bench.stage.deployInputs(built.release), { link, outcome: 'unchanged' });
}

export function refused(bench: Bench, built: Built, link: Link | null = null): Promise<Sample> {
  return measured(bench, 'deploy-release', bench.stage.deployInputs(built.release), {
    link,
    code: 1,
    outcome: 'refused',
  });
}

/** To the release that was live before, whose colour still runs. */
export function rollback(bench: Bench, link: Link | null = null): Promise<Sample> {
  return measured(bench, 'rollback', rollbackInputs(bench), { link, outcome: 'rolled_back' });
}

/** The same after the idle colour's containers were stopped, as they are where memory is short: the app has to boot. */
export async function rollbackToStopped(bench: Bench, link: Link | null = null): Promise<Sample> {
  await idle(bench.stage);
  const { running } = await bench.stage.status();
  const other = running?.colour === 'blue' ? 'green' : 'blue';
  await bench.stage.vpsShell(
    'docker ps -q --filter "label=com.docker.compose.project=fixture-$1" | xargs -r docker stop',
    other,
  );
  return rollback(bench, link);
}

/** While a deploy still watches its release: the agent that watches goes back itself. */
export async function rollbackWatched(bench: Bench, built: Built, link: Link | null = null): Promise<Sample> {
  const { stage } = bench;
  await idle(stage);
  const load = await stage.load('get', { 'slow-seconds': '4' });
  const watching = await start(bench, 'deploy-release', stage.deployInputs(built.release, { 'bake-seconds': '120' }));
  let over = false;
  void watching.started.ended.finally(() => (over = true));
  while (!over && !/^::group::bake/m.test(watching.log())) await pause(0.1);
  if (over) throw new Error(`the deploy ended before its watch began\n${watching.log()}`);
  await pause(1);
  const before = link?.connections() ?? 0;
  const asked = Date.now();
  const run = await start(bench, 'rollback', { ...rollbackInputs(bench), ...link?.inputs });
  const ran = await run.started.ended;
  const deployed = await watching.started.ended;
  await pause(3);
  const report = await load.stop();
  expectEnd(ran, 0, 'rolled_back');
  if (deployed.code !== 1) throw new Error(`the watched deploy ended with ${String(deployed.code)}\n${deployed.log}`);
  const began = clock(run.log(), 'began');
  const confirmed = run.confirmed();
  return {
    ...sample(report, began, {
      wall: (clock(run.log(), 'ended') - began) / 1000,
      switched: confirmed === null ? null : (confirmed - began) / 1000,
      onHost: onHost(ran),
      ...(link === null ? {} : { connections: link.connections() - before, agents: await agentsSince(stage, asked) }),
    }),
    // The first new release that the load saw is the deploy's own.
    firstNew: null,
  };
}
