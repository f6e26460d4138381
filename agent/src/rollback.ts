import { missingSecrets, rollbackTarget } from '@delivery/release';
import type { Colour, Manifest } from '@delivery/release';
import { idleColour } from '@delivery/release';
import { renderColour } from '@delivery/stack';
import type { Rendered } from '@delivery/stack';
import { refuseClaimed } from './claims.ts';
import { addressesOf, replicas, startsBeside, webReplicas } from './colour.ts';
import { bridgeAssets } from './assets.ts';
import type { Replica } from './colour.ts';
import { drainSeconds } from './deploy.ts';
import { StepError } from './failure.ts';
import { readIfThere } from './files.ts';
import { requireImages } from './images.ts';
import type { Report } from './operation.ts';
import { recover } from './recover.ts';
import { retire } from './retire.ts';
import type { Run, Target } from './run.ts';
import { environmentHash, hostSecrets, secretHashes, startedWith } from './secrets.ts';
import { drain } from './steps/drain.ts';
import { begunSchema } from './schema.ts';
import { refuseRouted, removeColour, renderTarget, startColour } from './steps/start.ts';
import { verifyStored } from './signature.ts';
import { readRelease, storedManifests } from './store.ts';
import { liveColour, renameLive, switchTo, webContainers } from './switch.ts';
import type { Old } from './switch.ts';
import { liveColourOf, liveNow, nextGeneration } from './truth.ts';
import type { Truth } from './truth.ts';
import { restartPolicies, startWorkers, stopWorkers } from './workers.ts';

interface RollbackPlan {
  manifest: Manifest;
  sealed: string;
  digest: string;
  colour: Colour;
  project: Rendered;
  generation: number;
  /** Containers of the target that are still here, in whatever state. */
  kept: Replica[];
}

/** Goes back to `requested`, or to the release that was live before. No registry and no network beyond this host is needed. */
export async function rollback(run: Run, requested: string | null, report: Report): Promise<void> {
  const { events } = run;
  const { plan, truth, old } = await events.step('plan', async (note) => {
    const found = await recover(run);
    report.truth = found;
    const made = await planRollback(run, found, requested, report);
    const before = await liveColour(run, liveNow(found));
    note(`${made.manifest.release} in ${made.colour}${made.kept.length > 0 ? ', its containers are still here' : ''}`);
    return { plan: made, truth: found, old: before };
  });
  report.colour = plan.colour;
  const woken = plan.kept.length > 0;
  const target: Target = {
    manifest: plan.manifest,
    digest: plan.digest,
    colour: plan.colour,
    project: plan.project,
    generation: plan.generation,
    warm: false,
  };
  try {
    await events.step('start', async (note) =>
      note(woken ? await wakeOrStart(run, plan, target) : await startAgain(run, plan)),
    );
    report.switchedMs = await switchTo(run, target, truth);
    report.switched = true;
  } catch (error) {
    // What was woken is put to rest again; what was started anew goes.
    await (woken ? rest(run, plan) : removeColour(run, plan.colour, drainSeconds(run, plan))).catch(
      (trouble: unknown) => run.events.log('warning', `cleaning up: ${String(trouble)}`),
    );
    throw error;
  }
  await finish(run, target, plan, old, report);
}

/** Visitors may have been on it, where the confirmation failed: a connection that is left is ended, never frozen. */
async function rest(run: Run, plan: RollbackPlan): Promise<void> {
  refuseRouted(run.paths, plan.colour);
  const awake = await replicas(run.docker, plan.project);
  const web = webReplicas(awake).map(({ container }) => container);
  await stopWorkers(run, awake);
  const { cut } = await drain(addressesOf(web), drainSeconds(run, plan));
  await retire(run, awake, cut);
}

async function planRollback(run: Run, truth: Truth, requested: string | null, report: Report): Promise<RollbackPlan> {
  const { forceSchema } = run.envelope.options;
  const choice = rollbackTarget({
    ...{ ledger: truth.ledger, requested, manifests: storedManifests(run.paths) },
    ...{ begun: begunSchema(run.paths), forceSchema },
  });
  if (!choice.ok) throw new StepError(choice.code, `rollback: ${choice.message}`);
  report.schema = choice.schema;
  if (choice.forced)
    run.events.log(
      'warning',
      `forced onto schema ${String(forceSchema)}, on which release ${choice.manifest.release} says it cannot run`,
    );
  const { manifest, target } = choice;
  report.release = manifest.release;
  report.digest = target.digest;
  const stored = readRelease(run.paths, manifest.release);
  if (stored === null)
    throw new StepError('pruned', `release ${manifest.release}: its files are no longer on this host`);
  await verifyStored(run, stored);

  const values = hostSecrets(run.paths);
  const missing = missingSecrets(manifest.secrets, values);
  if (missing.length > 0)
    throw new StepError(
      'secrets_missing',
      `secrets: ${missing.join(', ')}: needed by release ${manifest.release} and no longer on the host`,
    );
  report.secrets = secretHashes(run.paths, manifest.secrets, values);
  report.environment = environmentHash(run.paths, readIfThere(run.paths.env) ?? '');

  refuseClaimed(run, manifest);
  const colour = idleColour(liveColourOf(truth));
  const project = renderColour({ sealed: stored.sealed, manifest, colour });
  const found = await replicas(run.docker, project);
  const web = webReplicas(found);
  const complete = web.length === project.containers.filter(({ role }) => role === 'web').length;
  const ofTarget = web.every(({ container }) => container.labels['delivery.release'] === manifest.release);
  // Containers keep the environment that they were made with: with other secrets today they are made anew.
  const sameSecrets = startedWith(truth.ledger, manifest.release, report.secrets, report.environment);
  const kept = complete && ofTarget && sameSecrets ? found : [];
  if (kept.length === 0) await requireImages(run, manifest);
  return {
    manifest,
    sealed: stored.sealed,
    digest: stored.digest,
    colour,
    project,
    generation: nextGeneration(truth),
    kept,
  };
}

/** What cannot be woken (a frozen container that the kernel has lost, one that Docker has forgotten half of) is made anew. */
async function wakeOrStart(run: Run, plan: RollbackPlan, target: Target): Promise<string> {
  try {
    return await wake(run, plan, target);
  } catch (error) {
    run.events.log('warning', `the kept containers do not wake: ${(error as Error).message}`);
    await requireImages(run, plan.manifest);
    target.warm = false;
    return startAgain(run, plan);
  }
}

/** Thaws or starts the kept containers, and gives them back the restart policy that resting took from them. */
async function wake(run: Run, plan: RollbackPlan, target: Target): Promise<string> {
  const web = webReplicas(plan.kept);
  const beside = plan.kept.filter(({ spec }) => startsBeside(spec));
  const policies = restartPolicies(plan.project.text);
  const frozen = web.filter(({ container }) => container.paused);
  const asleep = web.filter(({ container }) => !container.running);
  await Promise.all([
    ...frozen.map(({ container }) => run.docker.unpause(container.id)),
    ...beside.filter(({ container }) => !container.running).map(({ container }) => run.docker.start(container.id)),
    ...beside.map(({ container, spec }) => run.docker.restartPolicy(container.id, policies.get(spec.name) ?? 'no')),
  ]);
  target.warm = asleep.length === 0;
  const awake = web.length - frozen.length - asleep.length;
  return `${String(awake)} running already, ${String(frozen.length)} thawed, ${String(asleep.length)} started`;
}

/** The release as new, from its kept files, local images and today's secrets. */
async function startAgain(run: Run, plan: RollbackPlan): Promise<string> {
  const removed = await removeColour(run, plan.colour, drainSeconds(run, plan));
  await bridgeAssets(run, plan.manifest, plan.sealed);
  const { project, file } = renderTarget(run, plan.manifest, plan.sealed, plan.colour);
  await startColour(run, plan.manifest.release, project, file, run.paths.env);
  return `containers made anew in ${project.project}, ${String(removed)} of another release removed`;
}

/** Visitors are on the target: answer now, and let the old connections end behind the answer. */
async function finish(run: Run, target: Target, plan: RollbackPlan, old: Old | null, report: Report): Promise<void> {
  if (old !== null) await stopWorkers(run, old.replicas);
  await startWorkers(run, target, plan.sealed);
  await renameLive(run, target, old);
  if (old === null) return;
  report.afterwards = async () => {
    await run.events.step('drain', async (note) => {
      const { cut } = await drain(addressesOf(webContainers(old)), drainSeconds(run, target));
      const how = await retire(run, old.replicas, cut);
      note(`${cut === 0 ? 'no connection was cut' : `${String(cut)} connections were cut`}; ${old.colour} is ${how}`);
    });
  };
}
