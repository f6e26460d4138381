import { addressesOf } from './colour.ts';
import { liveColour, renameLive, switchTo, webContainers } from './switch.ts';
import type { Old } from './switch.ts';
import type { Report } from './operation.ts';
import { openProber } from './prober.ts';
import { recover } from './recover.ts';
import { retire, stopWorkers } from './retire.ts';
import { stopIfAsked } from './run.ts';
import type { Run, Target } from './run.ts';
import { drain } from './steps/drain.ts';
import { hasJobs, runJobs } from './steps/migrate.ts';
import { planDeploy } from './steps/plan.ts';
import type { DeployPlan } from './steps/plan.ts';
import { prune } from './steps/prune.ts';
import { pullImages } from './steps/pull.ts';
import { clearTraces, keepSecrets, placeSecrets, restoreSecrets } from './steps/record.ts';
import { colourFile, removeColour, renderTarget, startBacking, startColour } from './steps/start.ts';
import { verifyRelease } from './steps/verify.ts';
import { writeRelease } from './store.ts';
import { liveNow } from './truth.ts';
import type { Truth } from './truth.ts';

/** Brings the release with this digest live. Fills `report` as it learns; throws StepError where it ends without its purpose. */
export async function deploy(run: Run, digest: string, report: Report): Promise<void> {
  const { events } = run;
  report.digest = digest;
  const { plan, truth } = await events.step('plan', async (note) => {
    const found = await recover(run);
    report.truth = found;
    const made = await planDeploy(run, found, digest);
    note(`${made.manifest.release} in ${made.colour}, generation ${String(made.generation)}`);
    return { plan: made, truth: found };
  });
  const { manifest } = plan;
  report.release = manifest.release;
  report.secrets = plan.secrets;
  if (plan.unchanged) {
    report.outcome = 'unchanged';
    events.log('info', `release ${manifest.release} is live already, with the same secrets: nothing to do`);
    return;
  }
  report.colour = plan.colour;
  stopIfAsked(run);
  await events.step('pull', async (note) => {
    const { pulled, present } = await pullImages(run, manifest);
    note(`${String(pulled)} images pulled, ${String(present)} here already`);
  });
  await events.step('verify', async () => {
    const { os, architecture } = await run.docker.info();
    verifyRelease(manifest, plan.files, `${os}/${architecture}`);
  });
  stopIfAsked(run);
  try {
    const target = await prepare(run, plan, report);
    const old = await liveColour(run, liveNow(truth));
    const prober = openProber(run.paths, truth.running === null ? null : target.manifest);
    try {
      report.switchedMs = await switchTo(run, target, truth);
      report.switched = true;
      await finish(run, target, old, report);
    } finally {
      const seen = await prober.close();
      if (seen !== null) report.receipt = { ...seen, cut: report.cut };
    }
  } catch (error) {
    if (!report.switched) await undo(run, plan, truth);
    throw error;
  }
}

/** From verified files to a colour that boots: backing services, migrations, web containers. */
async function prepare(run: Run, plan: DeployPlan, report: Report): Promise<Target> {
  const { manifest, colour, digest, generation } = plan;
  const { events, paths } = run;
  writeRelease(paths, manifest.release, digest, plan.files);
  placeSecrets(paths, plan.env);
  const sealed = (plan.files.get('compose.yaml') ?? Buffer.alloc(0)).toString('utf8');
  const { project, file } = renderTarget(run, manifest, sealed, colour);
  const backing = (): Promise<string[]> => startBacking(run, manifest, sealed, paths.env);
  const jobs = hasJobs(manifest);
  if (!jobs) events.skipped('migrate', 'the release declares no job');
  else {
    await events.step('migrate', async (note) => {
      await backing();
      report.migrated = true;
      note((await runJobs(run, manifest, sealed, paths.env)).join(', '));
    });
    stopIfAsked(run);
  }
  await events.step('start', async (note) => {
    const [created, removed] = await Promise.all([
      jobs ? [] : backing(),
      removeColour(run, colour, drainSeconds(run, plan)),
    ]);
    await startColour(run, manifest.release, project, file, paths.env);
    const said = [`${String(project.containers.length)} containers in ${project.project}`];
    if (created.length > 0) said.push(`backing services ${created.join(', ')} created`);
    if (removed > 0) said.push(`${String(removed)} containers of an earlier release removed`);
    note(said.join('; '));
  });
  return { manifest, digest, colour, project, generation, warm: false };
}

/** After the confirmed switch: what fails here is said and cannot take the release back. */
async function finish(run: Run, target: Target, old: Old | null, report: Report): Promise<void> {
  const { events } = run;
  keepSecrets(run.paths);
  await switchWorkers(run, target, old);
  await renameLive(run, target, old);
  if (old === null) events.skipped('drain', 'nothing ran before');
  else {
    await events.step('drain', async (note) => {
      const { cut, ms } = await drain(addressesOf(webContainers(old)), drainSeconds(run, target));
      report.cut = cut;
      report.drainMs = ms;
      const how = await retire(run, old.replicas, cut);
      note(`${cut === 0 ? 'no connection was cut' : `${String(cut)} connections were cut`}; ${old.colour} is ${how}`);
    });
  }
  events.skipped(
    'bake',
    run.envelope.options.bakeSeconds > 0
      ? 'this agent does not watch a release after its switch yet'
      : 'no bake time asked for',
  );
}

async function switchWorkers(run: Run, target: Target, old: Old | null): Promise<void> {
  if (old !== null) await stopWorkers(run, old.replicas);
  const { release } = target.manifest;
  await startColour(run, release, target.project, colourFile(run, release, target.colour), run.paths.env, 'worker');
}

export function drainSeconds(run: Pick<Run, 'envelope'>, target: Pick<Target, 'manifest'>): number {
  const declared = Object.values(target.manifest.services).map((service) => service.drainSeconds ?? 0);
  return run.envelope.options.drainSeconds ?? Math.max(0, ...declared);
}

/**
 * Takes away what a refused deploy started; the live release never noticed. Where the confirmation failed, visitors have been on it:
 * the connections that the edge still has to it get their time.
 */
export async function undo(
  run: Pick<Run, 'app' | 'paths' | 'docker' | 'events' | 'envelope'>,
  plan: Pick<DeployPlan, 'colour' | 'manifest'>,
  truth: Pick<Truth, 'running'>,
): Promise<void> {
  clearTraces(run.paths);
  restoreSecrets(run.paths);
  if (truth.running?.colour !== plan.colour)
    await removeColour(run, plan.colour, drainSeconds(run, plan)).catch((error: unknown) =>
      run.events.log('warning', `cleaning up: ${String(error)}`),
    );
}

/** Pins and prunes after the record; only said, never a failure. */
export async function tidy(run: Run, report: Report): Promise<void> {
  try {
    await run.events.step('prune', async (note) => {
      const { kept, pruned } = await prune(run, report.ledger, report.release === null ? [] : [report.release]);
      note(`${String(kept)} releases kept${pruned.length > 0 ? `, forgotten: ${pruned.join(', ')}` : ''}`);
    });
  } catch {
    // The step's own line has said it.
  }
}
