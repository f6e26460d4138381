import { keepImages } from './kept.ts';
import { bridgeAssets } from './assets.ts';
import type { Report } from './operation.ts';
import { recover } from './recover.ts';
import { dropped } from '@delivery/release';
import { StepError } from './failure.ts';
import { stopIfAsked } from './run.ts';
import type { Run, Target } from './run.ts';
import { environmentHash } from './secrets.ts';
import { settle } from './settle.ts';
import { migrate } from './steps/migrate.ts';
import { planDeploy } from './steps/plan.ts';
import type { DeployPlan } from './steps/plan.ts';
import { prune } from './steps/prune.ts';
import { pullImages } from './steps/pull.ts';
import { clearTraces, keepSecrets, placeSecrets, restoreSecrets } from './steps/record.ts';
import { removeColour, renderTarget, startBacking, startColour } from './steps/start.ts';
import { verifyRelease, verifySignature } from './steps/verify.ts';
import { readRelease, writeRelease } from './store.ts';
import { liveColour, switchTo } from './switch.ts';
import { liveNow } from './truth.ts';
import type { Truth } from './truth.ts';
import { openWitness } from './witness.ts';
import type { Witness } from './witness.ts';

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
  report.environment = environmentHash(run.paths, plan.env);
  report.rotated = plan.rotated;
  if (plan.rotated) events.log('info', `release ${manifest.release} is live already and gets other secrets`);
  if (plan.unchanged) {
    report.outcome = 'unchanged';
    events.log('info', `release ${manifest.release} is live already, with the same secrets: nothing to do`);
    return;
  }
  report.colour = plan.colour;
  stopIfAsked(run);
  await events.step('verify', async (note) => {
    const [signed, { os, architecture }] = await Promise.all([verifySignature(run, plan), run.docker.info()]);
    note(signed);
    verifyRelease(manifest, plan.files, `${os}/${architecture}`);
  });
  await events.step('pull', async (note) => {
    // The idle colour's leftovers go meanwhile: the release that they are of can be started anew from its images.
    const [fetched, removed] = await Promise.allSettled([
      fetchRelease(run, plan),
      removeColour(run, plan.colour, drainSeconds(run, plan)),
    ]);
    if (fetched.status === 'rejected') throw fetched.reason;
    if (removed.status === 'rejected') throw removed.reason;
    const { pulled, present, added } = fetched.value;
    const said = [`${String(pulled)} images pulled, ${String(present)} here already`];
    if (added > 0) said.push(`${String(added)} hashed files added to those of earlier releases`);
    if (removed.value > 0) said.push(`${String(removed.value)} containers of an earlier release removed`);
    note(said.join('; '));
  });
  stopIfAsked(run);
  const witness = witnessOf(run, plan, truth);
  try {
    try {
      const { target, sealed } = await prepare(run, plan, report);
      const old = await liveColour(run, liveNow(truth));
      report.switchedMs = await switchTo(run, target, truth, witness);
      report.switched = true;
      await settle(
        run,
        { target, sealed, old, drainSeconds: drainSeconds(run, target), rotated: plan.rotated, witness },
        report,
      );
    } finally {
      report.receipt = await witness.close(() => report.cut);
    }
    refuseDrops(report);
  } catch (error) {
    if (!report.switched) {
      clearTraces(run.paths);
      restoreSecrets(run.paths);
      // Nobody has to wait for this: visitors are on the release of before, and the lock is held until it is done.
      report.afterwards = () => undo(run, plan, truth);
    }
    throw error;
  } finally {
    if (report.switched) {
      // Whatever failed since: visitors are on it, and it was started with these.
      keepSecrets(run.paths);
      report.afterwards = () => tidy(run, report);
    }
  }
}

/** Who watches the public path from here on, in the ways that the live release and the one that comes have in common. */
function witnessOf(run: Run, plan: DeployPlan, truth: Truth): Witness {
  const live = liveNow(truth);
  const stored = live === null ? null : readRelease(run.paths, live.release);
  const before = live === null || stored === null ? null : { manifest: stored.manifest, colour: live.colour };
  return openWitness(run, plan.manifest, before, drainSeconds(run, plan));
}

/** A release that is live after a request was lost on its way there is live; the deploy that lost it has failed all the same. */
function refuseDrops({ receipt }: Report): void {
  const lost = receipt === null ? null : dropped(receipt);
  if (lost === null) return;
  const error = new StepError('dropped', `${lost}; the release is live, but visitors may have noticed`);
  error.step = 'bake';
  throw error;
}

/** All that this host keeps of a verified release: its images, its files, and the hashed files of its pages. */
async function fetchRelease(run: Run, plan: DeployPlan): Promise<{ pulled: number; present: number; added: number }> {
  const { manifest, digest, files, signature } = plan;
  await keepImages(run, manifest);
  const images = await pullImages(run, manifest);
  writeRelease(run.paths, manifest.release, digest, files, signature);
  return { ...images, added: await bridgeAssets(run, manifest, sealedOf(plan)) };
}

function sealedOf({ files }: Pick<DeployPlan, 'files'>): string {
  return (files.get('compose.yaml') ?? Buffer.alloc(0)).toString('utf8');
}

/** From what is kept to a colour that boots: backing services, migrations, web containers. */
async function prepare(run: Run, plan: DeployPlan, report: Report): Promise<{ target: Target; sealed: string }> {
  const { manifest, colour, digest, generation } = plan;
  const { events, paths } = run;
  placeSecrets(paths, plan.env);
  const sealed = sealedOf(plan);
  const { project, file } = renderTarget(run, manifest, sealed, colour);
  const ready = (): Promise<string[]> => startBacking(run, manifest, sealed, paths.env);
  const jobs = await migrate(run, plan, sealed, report, ready);
  if (jobs) stopIfAsked(run);
  await events.step('start', async (note) => {
    const created = jobs ? [] : await ready();
    await startColour(run, manifest.release, project, file, paths.env);
    const said = [`${String(project.containers.length)} containers in ${project.project}`];
    if (created.length > 0) said.push(`backing services ${created.join(', ')} created`);
    note(said.join('; '));
  });
  return { target: { manifest, digest, colour, project, generation, warm: false }, sealed };
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
