import { idleColour } from '@delivery/release';
import { parseRoute, renderColour } from '@delivery/stack';
import type { RouteState } from '@delivery/stack';
import { replicas, serving } from './colour.ts';
import { readIfThere } from './files.ts';
import type { Run } from './run.ts';
import { hostSecrets, secretHashes } from './secrets.ts';
import { appendLedger, clearTraces, restoreSecrets, keepSecrets } from './steps/record.ts';
import { confirm } from './steps/confirm.ts';
import { restoreRoute } from './steps/route.ts';
import { readRelease } from './store.ts';
import type { StoredRelease } from './store.ts';
import { hostsOf, liveColour, renameLive } from './switch.ts';
import { converge, readTruth } from './truth.ts';
import type { Truth } from './truth.ts';
import { startWorkers, stopWorkersIn } from './workers.ts';

/**
 * Brings the host's two records, the route file and the ledger, together after an operation that died between them, and clears what
 * it left. What is routed, runs and answers on the public path is adopted as live; what does not is taken back, if what was routed
 * before it still runs; else the route is left as it is, and its colour is not touched.
 * @param ask how the public path is asked
 */
export async function recover(run: Run, ask: typeof confirm = confirm): Promise<Truth> {
  const truth = readTruth(run.paths);
  const agreed = converge(truth.route, truth.running, false).action === 'none';
  const answers = !agreed && truth.route !== null && (await routedAnswers(run, truth, truth.route, ask));
  const decision = converge(truth.route, truth.running, answers);
  if (decision.action === 'adopt') await adopt(run, decision.route, truth);
  if (decision.action === 'restore') {
    const begun = `an earlier operation ended in the middle of its switch to ${truth.route?.release ?? 'nothing'}, which does not answer`;
    const before = readIfThere(run.paths.routeBefore);
    if (await canGoBack(run, truth, before)) {
      run.events.log('warning', `${begun}: the route before it is put back`);
      restoreRoute(run, before);
    } else
      run.events.log('warning', `${begun}; what was routed before does not run either: the route is left as it is`);
  }
  // Adopted secrets are kept by now; those of a deploy that came to nothing go.
  restoreSecrets(run.paths);
  clearTraces(run.paths);
  return decision.action === 'none' ? truth : readTruth(run.paths);
}

/** Containers that run are not enough: the edge may have refused the route file and serve by the one before. */
async function routedAnswers(run: Run, truth: Truth, route: RouteState, ask: typeof confirm): Promise<boolean> {
  const stored = readRelease(run.paths, route.release);
  if (stored === null || !(await runs(run, route))) return false;
  try {
    await ask(run, { manifest: stored.manifest, generation: route.generation }, hostsOf(truth));
    return true;
  } catch (error) {
    run.events.log('warning', (error as Error).message);
    return false;
  }
}

/** Before a first deploy there was no route: then none is what to go back to. */
async function canGoBack(run: Run, truth: Truth, before: string | null): Promise<boolean> {
  if (before === null) return truth.running === null;
  return runs(run, parseRoute(before));
}

async function runs(run: Run, route: RouteState): Promise<boolean> {
  const stored = readRelease(run.paths, route.release);
  if (stored === null) return false;
  const project = renderColour({ sealed: stored.sealed, manifest: stored.manifest, colour: route.colour });
  return serving(project, await replicas(run.docker, project));
}

async function adopt(run: Run, route: RouteState, truth: Truth): Promise<void> {
  const stored = readRelease(run.paths, route.release);
  if (stored === null) {
    run.events.log(
      'warning',
      `the edge routes to release ${route.release}, of which this host has no files; it is left as it is`,
    );
    return;
  }
  run.events.log(
    'warning',
    `an earlier operation ended after its switch and before its record: release ${route.release} is live and is now on record`,
  );
  // A switch back to what is on record brings the secrets of before with it; a switch forward keeps its own.
  const back = truth.running?.release === route.release && truth.running.colour === route.colour;
  if (back) restoreSecrets(run.paths);
  else keepSecrets(run.paths);
  const old = await liveColour(run, truth.running);
  const project = renderColour({ sealed: stored.sealed, manifest: stored.manifest, colour: route.colour });
  await switchWorkers(run, route, stored).catch((error: unknown) =>
    run.events.log('error', `workers of release ${route.release}: ${String(error)}`),
  );
  await renameLive(run, { project }, old);
  appendLedger(run.paths, {
    t: new Date().toISOString(),
    verb: 'deploy',
    outcome: 'deployed',
    release: route.release,
    digest: stored.digest,
    colour: route.colour,
    previous: truth.running?.release ?? null,
    generation: route.generation,
    actor: run.envelope.actor,
    run: run.envelope.run,
    operation: `${run.envelope.operation.slice(0, 54)}-recovered`,
    secrets: secretHashes(run.paths, stored.manifest.secrets, hostSecrets(run.paths)),
    durationMs: 0,
  });
}

/** The operation that died may not have come to it: the workers of the other colour end, this one's start. */
async function switchWorkers(run: Run, route: RouteState, { manifest, sealed }: StoredRelease): Promise<void> {
  await stopWorkersIn(run, idleColour(route.colour));
  const project = renderColour({ sealed, manifest, colour: route.colour });
  await startWorkers(run, { manifest, colour: route.colour, project }, sealed);
}
