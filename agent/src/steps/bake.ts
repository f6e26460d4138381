import { setTimeout as sleep } from 'node:timers/promises';
import type { Colour } from '@delivery/release';
import { judge } from '../burn.ts';
import type { Findings, Side } from '../burn.ts';
import { replicas, startsBeside } from '../colour.ts';
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

/** A container and what it was when its watch began. */
interface Watching {
  replica: Replica;
  baseline: Baseline;
}

/**
 * Watches the release that has just been switched in, until `options.bakeSeconds` after the last of it was started, and compares it with
 * the time before its switch. Returns as soon as it burns; `stop` (a rollback that pre-empts the watch) ends it early as `inconclusive`.
 * @param changed settles once the workers have changed over to it; they are watched from then on
 */
export async function bake(
  run: Run,
  target: Target,
  stop: AbortSignal,
  witness: Witness,
  changed: Promise<unknown>,
): Promise<Watched> {
  const { options } = run.envelope;
  const began = performance.now();
  let watched = await watchable(run, target, startsBeside);
  let complete: number | null = null;
  let settled = false;
  void changed.then(() => (settled = true));
  let slowLooks = 0;
  for (;;) {
    if (settled && complete === null) {
      watched = await watchable(run, target, () => true);
      complete = performance.now();
    }
    const died = await firstTrouble(run, watched);
    if (stop.aborted) return { verdict: 'inconclusive', reason: 'ended early' };
    const look = judge(findings(witness, target, died?.reason ?? null, options.bakeMinimumSamples), options);
    if (look.verdict === 'burned')
      return { verdict: 'burned', reason: look.reason, logs: await lastWords(run, died?.id ?? watched[0]?.replica) };
    const now = performance.now();
    const over = complete !== null && now - complete >= options.bakeSeconds * 1000;
    slowLooks = look.slow !== null && now - began >= Math.min(WARM_MS, options.bakeSeconds * 500) ? slowLooks + 1 : 0;
    if (look.slow !== null && (over || slowLooks >= SLOW_LOOKS)) return { verdict: 'burned', reason: look.slow };
    if (over) return { verdict: look.verdict, reason: look.reason };
    await sleep(LOOK_MS, undefined, { signal: stop }).catch(() => undefined);
  }
}

async function watchable(run: Run, target: Target, wanted: (spec: Replica['spec']) => boolean): Promise<Watching[]> {
  const found = await replicas(run.docker, target.project);
  return found
    .filter(({ spec }) => wanted(spec))
    .map((replica) => ({ replica, baseline: baselineOf(target, replica) }));
}

/** A container that this operation made may not have been started anew at all; a kept one has a past. */
function baselineOf(target: Pick<Target, 'warm'>, { container }: Replica): Baseline {
  return target.warm ? container : { restartCount: 0, startedAt: null };
}

async function firstTrouble(run: Run, watched: readonly Watching[]): Promise<{ id: string; reason: string } | null> {
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

function findings({ prober, edge, old }: Witness, target: Target, died: string | null, enough: number): Findings {
  const { samples } = prober;
  const side = ({ requests, failures, p95Ms }: ReturnType<typeof samples.quick>): Side => ({
    requests,
    errors: failures,
    p95Ms,
  });
  const nothing: Side = { requests: 0, errors: 0, p95Ms: null };
  return {
    probes: { before: side(samples.quick(['before'])), after: side(samples.quick(['after'])) },
    edge: { before: old === null ? nothing : lately(edge, old, enough), after: counted(edge.seen(target.colour)) },
    failedInARow: samples.failedInARow(),
    died,
  };
}

/** The time just before says more than the whole life of the old colour, which may have had a bad day; where it was asked too little, the life has to do. */
function lately(edge: Witness['edge'], old: Colour, enough: number): Side {
  const recent = counted(edge.seen(old));
  return recent.requests >= enough ? recent : counted(edge.all(old));
}

function counted(counts: ServiceCounts): Side {
  return { requests: counts.requests, errors: counts.errors, p95Ms: quantile(counts, 95) };
}
