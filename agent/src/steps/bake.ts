import { setTimeout as sleep } from 'node:timers/promises';
import { judge } from '../burn.ts';
import type { Findings, Side } from '../burn.ts';
import { replicas } from '../colour.ts';
import type { Replica } from '../colour.ts';
import { quantile } from '../edge-metrics.ts';
import type { ServiceCounts } from '../edge-metrics.ts';
import type { Run, Target } from '../run.ts';
import type { Witness } from '../witness.ts';
import { trouble } from './gate.ts';
import type { Baseline } from './gate.ts';

const LOOK_MS = 500;
/** A container's own last words. */
const LOG_LINES = 20;
/** A release is warm after this time, milliseconds; before it, slow answers are not held against it. */
const WARM_MS = 5_000;
/** Looks in a row at which it has to be too slow. */
const SLOW_LOOKS = 6;

/** What watching a release after its switch came to. Too few requests to tell is `inconclusive`: neither a pass nor a failure. */
export interface Watched {
  verdict: 'passed' | 'inconclusive' | 'burned';
  /** One line: what was compared with what, or why it burned. */
  reason: string;
  /** Last lines of the container that died, or of the first one. */
  logs?: string[];
}

/**
 * Watches the release that has just been switched in for `options.bakeSeconds` and compares it with the time before its switch.
 * Returns as soon as it burns; `stop` (a rollback that pre-empts the watch) ends it early as `inconclusive`.
 */
export async function bake(run: Run, target: Target, stop: AbortSignal, witness: Witness): Promise<Watched> {
  const { options } = run.envelope;
  const watched = (await replicas(run.docker, target.project)).map((replica) => ({
    replica,
    baseline: baselineOf(target, replica),
  }));
  const began = performance.now();
  let slowLooks = 0;
  for (;;) {
    const died = await firstTrouble(run, watched);
    if (stop.aborted) return { verdict: 'inconclusive', reason: 'ended early' };
    const look = judge(findings(witness, target, died?.reason ?? null), options);
    if (look.verdict === 'burned')
      return { verdict: 'burned', reason: look.reason, logs: await lastWords(run, died?.id ?? watched[0]?.replica) };
    const ms = performance.now() - began;
    const over = ms >= options.bakeSeconds * 1000;
    slowLooks = look.slow !== null && ms >= Math.min(WARM_MS, options.bakeSeconds * 500) ? slowLooks + 1 : 0;
    if (look.slow !== null && (over || slowLooks >= SLOW_LOOKS)) return { verdict: 'burned', reason: look.slow };
    if (over) return { verdict: look.verdict, reason: look.reason };
    await sleep(LOOK_MS, undefined, { signal: stop }).catch(() => undefined);
  }
}

/** A container that this operation made may not have been started anew at all; a kept one has a past. */
function baselineOf(target: Pick<Target, 'warm'>, { container }: Replica): Baseline {
  return target.warm ? container : { restartCount: 0, startedAt: null };
}

async function firstTrouble(
  run: Run,
  watched: readonly { replica: Replica; baseline: Baseline }[],
): Promise<{ id: string; reason: string } | null> {
  const found = await Promise.all(
    watched.map(async ({ replica: { container, spec }, baseline }) => {
      const reason = trouble(await run.docker.container(container.id), baseline);
      return reason === null ? [] : [{ id: container.id, reason: `a container of service ${spec.service} ${reason}` }];
    }),
  );
  return found.flat()[0] ?? null;
}

async function lastWords(run: Run, of: string | Replica | undefined): Promise<string[]> {
  const id = typeof of === 'string' ? of : of?.container.id;
  return id === undefined ? [] : run.docker.logs(id, LOG_LINES).catch(() => []);
}

function findings({ prober, edge, old }: Witness, target: Target, died: string | null): Findings {
  const { samples } = prober;
  const side = ({ requests, failures, p95Ms }: ReturnType<typeof samples.quick>): Side => ({
    requests,
    errors: failures,
    p95Ms,
  });
  const nothing: Side = { requests: 0, errors: 0, p95Ms: null };
  return {
    probes: { before: side(samples.quick(['before'])), after: side(samples.quick(['after'])) },
    edge: { before: old === null ? nothing : counted(edge.all(old)), after: counted(edge.seen(target.colour)) },
    failedInARow: samples.failedInARow(),
    died,
  };
}

function counted(counts: ServiceCounts): Side {
  return { requests: counts.requests, errors: counts.errors, p95Ms: quantile(counts, 95) };
}
