import { renderColour } from '@delivery/stack';
import type { Envelope, Failure, LedgerEntry } from '@delivery/release';
import { replicas, serving } from './colour.ts';
import { Events } from './events.ts';
import { StepError, toFailure } from './failure.ts';
import type { Interruption } from './preempt.ts';
import { startWorkers, stopWorkers } from './workers.ts';
import type { Run, Target } from './run.ts';
import { hostSecrets, secretHashes } from './secrets.ts';
import { appendLedger, restoreSecrets } from './steps/record.ts';
import { confirm } from './steps/confirm.ts';
import { restoreRoute, writeRoute } from './steps/route.ts';
import { readRelease } from './store.ts';
import type { StoredRelease } from './store.ts';
import { hostsOf, renameLive } from './switch.ts';
import type { Old } from './switch.ts';
import { nextGeneration, readTruth } from './truth.ts';

/** The release that visitors are sent back to. */
export interface Back {
  target: Target;
  stored: StoredRelease;
}

/**
 * Sends visitors back to the colour that was live before, which still runs: a new route file, confirmed on the public path, then its
 * workers and its names. Where the old colour does not answer, the new one keeps the visitors and StepError `kept` is thrown.
 * @param current the colour that visitors are on
 * @param changed settles once nobody changes the workers over to it any more; only then do they change back
 */
export async function goBack(run: Run, current: Target, old: Old, changed: Promise<unknown>): Promise<Back> {
  const { paths, events } = run;
  const now = readTruth(paths);
  const stored = readRelease(paths, old.release);
  if (stored === null) throw new StepError('kept', `release ${old.release}: its files are no longer on this host`);
  const { manifest, sealed, digest } = stored;
  const project = renderColour({ sealed, manifest, colour: old.colour });
  if (!serving(project, await replicas(run.docker, project)))
    throw new StepError('kept', `release ${old.release}: its containers do not run any more`);
  const generation = nextGeneration(now);
  const target: Target = { manifest, digest, colour: old.colour, project, generation, warm: true };
  try {
    await events.step('route', (note) => {
      writeRoute(run, target, now);
      note(`generation ${String(generation)}, back to ${manifest.release} in ${old.colour}`);
    });
    await events.step('confirm', () => confirm(run, target, hostsOf(now)));
  } catch (error) {
    restoreRoute(run, now.routeText);
    throw new StepError(
      'kept',
      `release ${old.release} does not take the visitors back: ${(error as Error).message}; they stay on ${current.manifest.release}`,
    );
  }
  restoreSecrets(paths);
  await changed;
  const left: Old = {
    colour: current.colour,
    release: current.manifest.release,
    replicas: await replicas(run.docker, current.project),
  };
  await stopWorkers(run, left.replicas);
  await startWorkers(run, target, sealed);
  await renameLive(run, target, left);
  return { target, stored };
}

/** What a rollback that pre-empted a deploy still has to do once the deploy's own entry is written. */
export type Conclusion = () => void;

/**
 * Carries out a rollback that came in over the socket: its own operation id, run file and ledger entry, in the process of the deploy
 * that it takes back.
 * @param changed as goBack takes it
 * @returns what is left to do after the deploy is on record; `back` is null where visitors stay on the new release
 */
export async function carryOut(
  run: Run,
  interruption: Interruption,
  current: Target,
  old: Old,
  changed: Promise<unknown>,
): Promise<{ back: Back | null; conclude: Conclusion; failure: Failure | null }> {
  const { envelope, answer } = interruption;
  const lines: string[] = [];
  let events: Events;
  try {
    events = new Events(run.paths.runs, envelope.operation, Object.values(hostSecrets(run.paths)), (line) =>
      lines.push(line),
    );
  } catch (error) {
    // The launcher goes the usual way, where a used id gets its message.
    return { back: null, conclude: () => answer('', false), failure: toFailure(error, (text) => text) };
  }
  const own: Run = { ...run, verb: 'rollback', envelope, events };
  let back: Back | null = null;
  let failure: Failure | null = null;
  try {
    await events.step('plan', (note) =>
      note(`${run.envelope.operation} watches ${current.manifest.release}: its agent goes back to ${old.release}`),
    );
    back = await goBack(own, current, old, changed);
  } catch (error) {
    failure = toFailure(error, (text) => events.masked(text));
  }
  const switchedMs = events.elapsed();
  const conclude = (): void => {
    let unrecorded: Failure | null = null;
    if (back !== null)
      try {
        record(own, back, current, switchedMs);
      } catch (error) {
        unrecorded = { ...toFailure(error, (text) => events.masked(text)), step: 'record', code: 'unrecorded' };
      }
    const runs = back?.target ?? current;
    const left = back === null ? null : current;
    const reference = (at: Target): { release: string; digest: string; colour: Target['colour'] } => ({
      release: at.manifest.release,
      digest: at.digest,
      colour: at.colour,
    });
    const good = back !== null && unrecorded === null;
    events.result({
      outcome: good ? 'rolled_back' : 'failed',
      running: reference(runs),
      previous: left === null ? null : reference(left),
      timings: { ...(back === null ? {} : { switchedMs }), totalMs: events.elapsed() },
      receipt: null,
      error: failure ?? unrecorded,
    });
    events.close();
    answer(lines.join(''), good);
  };
  return { back, conclude, failure };
}

function record(run: Run, { target, stored }: Back, current: Target, switchedMs: number): LedgerEntry {
  const { envelope, paths } = run;
  return appendLedger(paths, {
    t: new Date().toISOString(),
    verb: 'rollback',
    outcome: 'rolled_back',
    release: target.manifest.release,
    digest: target.digest,
    colour: target.colour,
    previous: current.manifest.release,
    generation: target.generation,
    actor: envelope.actor,
    run: envelope.run,
    operation: envelope.operation,
    secrets: secretHashes(paths, stored.manifest.secrets, hostSecrets(paths)),
    durationMs: run.events.elapsed(),
    switchedMs,
  });
}

/** Who took a watched release back, for the deploy's own error. */
export function preempted(envelope: Envelope): string {
  const by = envelope.actor === '' ? '' : ` by ${envelope.actor}`;
  return `taken back by rollback ${envelope.operation}${by} while it was watched`;
}
