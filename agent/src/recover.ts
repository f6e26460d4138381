import { renderColour } from '@delivery/stack';
import type { RouteState } from '@delivery/stack';
import { replicas, serving } from './colour.ts';
import { readIfThere } from './files.ts';
import type { Run } from './run.ts';
import { hostSecrets, secretHashes } from './secrets.ts';
import { appendLedger, clearTraces, restoreSecrets, keepSecrets } from './steps/record.ts';
import { restoreRoute } from './steps/route.ts';
import { readRelease } from './store.ts';
import { liveColour, renameLive } from './switch.ts';
import { converge, readTruth } from './truth.ts';
import type { Truth } from './truth.ts';

/**
 * Brings the host's two records, the route file and the ledger, together after an operation that died between them, and clears what
 * it left. What is routed and runs is adopted as live; what is routed and does not run is taken back.
 */
export async function recover(run: Run): Promise<Truth> {
  const truth = readTruth(run.paths);
  const decision = converge(truth.route, truth.running, truth.route !== null && (await routedRuns(run, truth.route)));
  if (decision.action === 'adopt') await adopt(run, decision.route, truth);
  if (decision.action === 'restore') {
    run.events.log(
      'warning',
      `an earlier operation ended in the middle of its switch to ${truth.route?.release ?? 'nothing'}, which does not run: the route before it is put back`,
    );
    restoreRoute(run, readIfThere(run.paths.routeBefore));
  }
  // Adopted secrets are kept by now; those of a deploy that came to nothing go.
  restoreSecrets(run.paths);
  clearTraces(run.paths);
  return decision.action === 'none' ? truth : readTruth(run.paths);
}

async function routedRuns(run: Run, route: RouteState): Promise<boolean> {
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
  keepSecrets(run.paths);
  const old = await liveColour(run, truth);
  const project = renderColour({ sealed: stored.sealed, manifest: stored.manifest, colour: route.colour });
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
