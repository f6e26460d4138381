import { setTimeout as sleep } from 'node:timers/promises';
import { openProbe, watch } from '@delivery/health';
import type { HealthContract } from '@delivery/health';
import { HEALTH_SAMPLES, HEALTH_WARMUP } from '@delivery/release';
import { replicas, webReplicas } from '../colour.ts';
import type { Replica } from '../colour.ts';
import type { Container } from '../container.ts';
import { StepError } from '../failure.ts';
import type { Run, Target } from '../run.ts';

const WATCH_MS = 100;
/** The contract's pause is for a release that boots; one that has been live answers now or not at all. */
const WARM_INTERVAL_MS = 20;
/** A port that nobody listens on yet says so at once: the end of a boot is not to be found out late. */
const REFUSED_INTERVAL_MS = 25;
const LOG_LINES = 20;
const EDGE_NETWORK = 'edge';

/** What a replica was when the gate began; a restart under the gate's eyes is told from it. */
export interface Baseline {
  restartCount: number;
  /** Null for a container that this operation started: any restart at all is too many. */
  startedAt: string | null;
}

/** Why a container is no longer the one that was started, or null while all is well. */
export function trouble(container: Container | null, baseline: Baseline): string | null {
  if (container === null) return 'was removed';
  if (container.oomKilled) return 'ran out of memory and was killed';
  if (container.restarting || !container.running) return `ended with exit code ${String(container.exitCode)}`;
  if (container.restartCount !== baseline.restartCount)
    return `was restarted ${String(container.restartCount - baseline.restartCount)} times (last exit code ${String(container.exitCode)})`;
  if (baseline.startedAt !== null && container.startedAt !== baseline.startedAt) return 'was started anew';
  return null;
}

/**
 * Asks every replica of the target directly, past the edge, until its health contract holds; a container that dies or restarts ends
 * the gate within a tenth of a second, with its last log lines. Throws StepError.
 * @returns one line for the step's `ok`
 */
export async function gate(run: Run, target: Target): Promise<string> {
  const web = webReplicas(await replicas(run.docker, target.project));
  const expected = target.project.containers.filter(({ role }) => role === 'web').length;
  if (web.length !== expected)
    throw new StepError(
      'start',
      `colour ${target.project.project}: ${String(web.length)} of ${String(expected)} containers are there`,
    );
  const stop = new AbortController();
  try {
    const results = await Promise.all(web.map((replica) => gateReplica(run, target, replica, stop)));
    return results.join('; ');
  } finally {
    stop.abort();
  }
}

async function gateReplica(run: Run, target: Target, replica: Replica, stop: AbortController): Promise<string> {
  const { spec, container } = replica;
  const imageId = await run.docker.imageId(spec.image);
  if (imageId === null || imageId !== container.image) {
    throw new StepError(
      'wrong_image',
      `container ${container.name}: runs image ${container.image}, sealed is ${spec.image} (${imageId ?? 'not on this host'})`,
    );
  }
  const died = new AbortController();
  const signal = AbortSignal.any([stop.signal, died.signal, run.stop]);
  const baseline: Baseline = target.warm ? container : { restartCount: 0, startedAt: null };
  let reason: string | null = null;
  const watching = watchContainer(run, container.id, baseline, signal).then((found) => {
    reason = found;
    if (found !== null) died.abort();
  });
  try {
    const verdict = await askUntilHealthy(run, target, replica, signal);
    if (verdict.state === 'healthy' && reason === null) {
      // The last look: it may have died between the last answer and now.
      reason = trouble(await run.docker.container(container.id), baseline);
      if (reason === null) return `${spec.name} healthy after ${String(verdict.attempts)} tries`;
    }
    if (run.stop.aborted) throw new StepError('stopped', 'the agent was told to stop (SIGTERM) before the switch');
    const logs = await run.docker.logs(container.id, LOG_LINES).catch(() => []);
    if (reason !== null)
      throw new StepError(
        'crashed',
        `container ${container.name} of service ${spec.service} ${String(reason)} before it was healthy`,
        logs,
      );
    const first = verdict.firstFailure === null ? '' : `; first failure: ${verdict.firstFailure}`;
    throw new StepError(
      'unhealthy',
      `container ${container.name} of service ${spec.service}: not healthy within the contract's deadline (${verdict.state}): ${verdict.reason}${first}`,
      logs,
    );
  } finally {
    died.abort();
    await watching;
  }
}

async function askUntilHealthy(
  run: Run,
  target: Target,
  { spec, container }: Replica,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof watch>>> {
  const health = target.manifest.health[spec.service];
  const address =
    container.addresses[EDGE_NETWORK] ?? (await run.docker.container(container.id))?.addresses[EDGE_NETWORK];
  if (health === undefined) throw new StepError('internal', `service ${spec.service}: has no health contract`);
  if (address === undefined) {
    const logs = await run.docker.logs(container.id, LOG_LINES).catch(() => []);
    throw new StepError(
      'crashed',
      `container ${container.name} of service ${spec.service}: has no address on the network ${EDGE_NETWORK}; it ended or cannot start`,
      logs,
    );
  }
  const contract: HealthContract = {
    status: health.status,
    json: health.json,
    release: target.manifest.release,
    consecutive: health.consecutive,
    // A release that runs already was measured when it came, and a way back must not wait for twenty samples.
    maxP95Ms: target.warm ? null : (health.maxP95Ms ?? null),
    samples: health.samples ?? HEALTH_SAMPLES,
    warmup: health.warmup ?? HEALTH_WARMUP,
  };
  const host = target.manifest.routes.find(({ service }) => service === spec.service)?.host;
  const url = new URL(`http://${address}:${String(spec.port)}${health.path}`);
  const probe = openProbe({
    url,
    headers: { 'user-agent': 'delivery-agent', ...(host === undefined ? {} : { host }) },
  });
  try {
    return await watch({
      contract,
      probe: async (timeoutMs) => {
        const outcome = await probe.once(timeoutMs, signal);
        if (!outcome.answered || outcome.release === target.manifest.release) return outcome;
        // An app need not name its release: the Engine has said which image answers at this address.
        if (outcome.release === null) return { ...outcome, release: target.manifest.release };
        // One that names another will not come to its senses.
        throw new StepError(
          'wrong_release',
          `container ${container.name} of service ${spec.service}: says that it is release ${JSON.stringify(outcome.release.slice(0, 64))}, sealed is ${target.manifest.release}`,
        );
      },
      intervalMs: target.warm ? Math.min(health.intervalMs, WARM_INTERVAL_MS) : health.intervalMs,
      unansweredIntervalMs: Math.min(health.intervalMs, REFUSED_INTERVAL_MS),
      timeoutMs: health.timeoutMs,
      deadlineMs: deadlineMs(health.deadlineSeconds, target.warm ? null : container, Date.now()),
      signal,
    });
  } finally {
    await probe.close();
  }
}

/**
 * What is left of a deadline, milliseconds. It counts from the start of a container that this operation started: what the host took
 * until it asked was time to boot in as well. Half of it is left at least, whatever the start is said to have been.
 * @param container null where it ran before
 */
export function deadlineMs(
  seconds: number,
  container: Pick<Container, 'running' | 'startedAt'> | null,
  now: number,
): number {
  const began = container?.running === true ? Date.parse(container.startedAt) : NaN;
  const since = Number.isFinite(began) ? Math.max(0, now - began) : 0;
  return Math.max(seconds * 1000 - since, seconds * 500);
}

async function watchContainer(run: Run, id: string, baseline: Baseline, signal: AbortSignal): Promise<string | null> {
  while (!signal.aborted) {
    const reason = trouble(await run.docker.container(id), baseline);
    if (reason !== null) return reason;
    await sleep(WATCH_MS, undefined, { signal }).catch(() => undefined);
  }
  return null;
}
