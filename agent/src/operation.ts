import { previous, running } from '@delivery/release';
import type {
  BackingChange,
  Colour,
  Envelope,
  Failure,
  Ledger,
  Outcome,
  Receipt,
  SchemaState,
} from '@delivery/release';
import { Docker } from './docker.ts';
import { Events } from './events.ts';
import { toFailure } from './failure.ts';
import { Lock } from './lock.ts';
import type { Owner } from './lock.ts';
import type { Paths } from './paths.ts';
import type { Run } from './run.ts';
import { forgetBegunSchema, presentSchema } from './schema.ts';
import { hostSecrets } from './secrets.ts';
import { live, reference, stateForResult } from './status.ts';
import { appendLedger, clearTraces } from './steps/record.ts';
import { readTruth } from './truth.ts';
import type { Truth } from './truth.ts';
import { VERSION } from './version.ts';

/** What an operation finds out on its way; the record and the result line are made of it, however it ends. */
export interface Report {
  release: string | null;
  digest: string | null;
  colour: Colour | null;
  truth: Truth | null;
  /** The ledger after the record. */
  ledger: Ledger;
  secrets: Record<string, string>;
  /** Salted hash of the whole `.env`. */
  environment: string | undefined;
  rotated: boolean;
  migrated: boolean;
  /** Backing services that were changed, in order. */
  backing: BackingChange[];
  /** The database's schema as the operation leaves it; null where it did not come to know it. */
  schema: SchemaState | null;
  /** The target is confirmed on the public path. */
  switched: boolean;
  switchedMs: number | undefined;
  drainMs: number | undefined;
  cut: number;
  receipt: Receipt | null;
  outcome: Outcome | null;
  /** Work for after the result line, such as draining after a rollback. Holds the lock. */
  afterwards: (() => Promise<void>) | null;
  /** Ends the rollback that took this deploy back, as soon as the deploy is on record. */
  conclude: (() => void) | null;
}

/** Exit code of the agent by outcome. */
export const EXIT: Record<Outcome, number> = {
  deployed: 0,
  unchanged: 0,
  rolled_back: 0,
  applied: 0,
  refused: 1,
  failed: 1,
  busy: 75,
};

/**
 * Runs a deploy or a rollback under the lock: events out, ledger entry in, result line last.
 * @returns the exit code
 */
export async function operate(
  app: string,
  verb: Run['verb'],
  paths: Paths,
  envelope: Envelope,
  work: (run: Run, report: Report) => Promise<void>,
): Promise<number> {
  const events = new Events(paths.runs, envelope.operation, [
    ...Object.values(envelope.secrets),
    ...(envelope.registry === null ? [] : [envelope.registry.password]),
  ]);
  const stop = new AbortController();
  process.on('SIGTERM', () => stop.abort());
  process.on('SIGINT', () => stop.abort());
  const owner: Owner = {
    operation: envelope.operation,
    actor: envelope.actor,
    run: envelope.run,
    verb,
    startedAt: new Date().toISOString(),
    phase: 'working',
  };
  const taken = await events
    .step('lock', () => takeLock(paths, owner, envelope, events))
    .catch((error: unknown) => error as Error);
  if (taken instanceof Error || 'busy' in taken) {
    const error = taken instanceof Error ? toFailure(taken, (text) => text) : busy(taken.busy);
    const outcome = taken instanceof Error ? 'failed' : 'busy';
    const { ledger } = truthIfReadable(paths);
    events.result({
      outcome,
      running: reference(running(ledger)),
      previous: reference(previous(ledger)),
      timings: { totalMs: events.elapsed() },
      receipt: null,
      error,
      ...(await stateForResult(paths)),
    });
    return EXIT[outcome];
  }

  const docker = new Docker();
  const run: Run = { app, verb, paths, envelope, docker, events, lock: taken, stop: stop.signal };
  const report = newReport();
  let error: Failure | null = null;
  try {
    events.hide(Object.values(hostSecrets(paths)));
    await work(run, report);
  } catch (thrown) {
    error = toFailure(thrown, (text) => events.masked(text));
  }
  const outcome = decideOutcome(verb, report, error);
  const unrecorded = await record(run, report, outcome, error);
  // What the ledger does not know must not be judged by the ledger: nothing is tidied, drained or put to rest after this.
  if (unrecorded !== null) report.afterwards = null;
  report.conclude?.();
  const said = unrecorded === null ? outcome : unrecordedOutcome(outcome, report);
  const truth = truthIfReadable(paths);
  const { ledger } = truth;
  report.ledger = ledger;
  const now = unrecorded === null ? running(ledger) : live(paths, truth);
  events.result({
    outcome: said,
    running: reference(now),
    previous: reference(now?.release === running(ledger)?.release ? previous(ledger) : running(ledger)),
    timings: {
      ...(report.switchedMs === undefined ? {} : { switchedMs: report.switchedMs }),
      ...(report.drainMs === undefined ? {} : { drainMs: report.drainMs }),
      totalMs: events.elapsed(),
    },
    receipt: report.receipt,
    error: error ?? unrecorded,
    ...(EXIT[said] === 0 ? {} : await stateForResult(paths, owner)),
  });
  try {
    if (report.afterwards !== null) {
      taken.draining();
      await report.afterwards();
    }
  } finally {
    taken.release();
    events.close();
    await docker.close();
  }
  return EXIT[said];
}

export function newReport(): Report {
  return {
    release: null,
    digest: null,
    colour: null,
    truth: null,
    ledger: [],
    secrets: {},
    environment: undefined,
    rotated: false,
    migrated: false,
    backing: [],
    schema: null,
    switched: false,
    switchedMs: undefined,
    drainMs: undefined,
    cut: 0,
    receipt: null,
    outcome: null,
    afterwards: null,
    conclude: null,
  };
}

async function takeLock(
  paths: Paths,
  owner: Owner,
  envelope: Envelope,
  events: Events,
): Promise<Lock | { busy: Owner | null }> {
  return Lock.take(paths, owner, envelope.options.lockWaitSeconds, (holder) =>
    events.log('info', `waiting for ${describe(holder)}`),
  );
}

function busy(owner: Owner | null): Failure {
  return {
    step: 'lock',
    code: 'busy',
    message: `another operation is under way: ${describe(owner)}; wait for it, or set lock-wait-seconds`,
  };
}

function describe(owner: Owner | null): string {
  if (owner === null) return 'an operation that has not said its name yet';
  const by = owner.actor === '' ? '' : ` by ${owner.actor}`;
  const where = owner.run === '' ? '' : ` (${owner.run})`;
  return `${owner.verb} ${owner.operation}${by} since ${owner.startedAt}${where}`;
}

/**
 * `refused`: nothing changed at all. `failed`: something did (a migration ran, the route was switched and put back, a step after the
 * switch did not work); what runs is said by the result's `running`.
 */
export function decideOutcome(
  verb: Run['verb'],
  report: Pick<Report, 'outcome' | 'migrated' | 'switched'> & Partial<Pick<Report, 'backing'>>,
  error: Failure | null,
): Outcome {
  if (error === null) return report.outcome ?? DONE[verb];
  const touched = report.migrated || (report.backing ?? []).length > 0 || report.switched || SWITCHING.has(error.step);
  return touched ? 'failed' : 'refused';
}

const DONE = { deploy: 'deployed', rollback: 'rolled_back', backing: 'applied' } as const;

/** Steps in which the edge has been pointed elsewhere, be it for a moment. */
const SWITCHING: ReadonlySet<string> = new Set(['route', 'confirm', 'drain', 'bake']);

/** An operation that is not on record has failed, unless it changed nothing that a record would be needed for. */
function unrecordedOutcome(outcome: Outcome, report: Pick<Report, 'switched'>): Outcome {
  return outcome === 'refused' && !report.switched ? 'refused' : 'failed';
}

/** Writes the ledger entry. What keeps it from being written comes back as a failure: the operation itself is over by now. */
async function record(run: Run, report: Report, outcome: Outcome, error: Failure | null): Promise<Failure | null> {
  if (outcome === 'unchanged' || outcome === 'busy') return null;
  const { ledger, route } = truthIfReadable(run.paths);
  // By the ledger, `failed` is a release that is not live. One that is live and has had trouble since is live, with its error.
  const wentLive = DONE[run.verb];
  const previously = report.truth?.running?.release ?? running(ledger)?.release ?? null;
  try {
    await run.events.step('record', (note) => {
      const schema = report.schema ?? presentSchema(run.paths, ledger);
      const entry = appendLedger(run.paths, {
        t: new Date().toISOString(),
        verb: run.verb,
        outcome: report.switched ? wentLive : outcome,
        release: report.release,
        digest: report.digest,
        colour: report.colour,
        previous: previously,
        generation: route?.generation ?? 0,
        actor: run.envelope.actor,
        run: run.envelope.run,
        operation: run.envelope.operation,
        agent: VERSION,
        secrets: report.secrets,
        ...(report.environment === undefined ? {} : { environment: report.environment }),
        ...(report.rotated ? { rotated: true } : {}),
        durationMs: run.events.elapsed(),
        ...(report.switchedMs === undefined ? {} : { switchedMs: report.switchedMs }),
        receipt: report.receipt,
        error,
        ...(report.backing.length === 0 ? {} : { backing: report.backing }),
        ...(schema === null ? {} : { schema }),
      });
      clearTraces(run.paths);
      forgetBegunSchema(run.paths);
      note(`ledger entry ${String(entry.seq)}`);
    });
    return null;
  } catch (thrown) {
    const { step, message } = toFailure(thrown, (text) => run.events.masked(text));
    const state = report.switched ? `release ${report.release ?? ''} is live and not on record` : 'it is not on record';
    return {
      step,
      code: 'unrecorded',
      message: `ledger: ${message}; ${state}; the next deploy or rollback puts the records in order`,
    };
  }
}

/** The records as they are; nothing where somebody edited them into nonsense: the operation has ended with that as its error. */
function truthIfReadable(paths: Paths): Pick<Truth, 'ledger' | 'route' | 'running'> {
  try {
    return readTruth(paths);
  } catch {
    return { ledger: [], route: null, running: null };
  }
}
