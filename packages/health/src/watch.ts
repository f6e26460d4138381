import type { HealthContract } from './contract.ts';
import type { Check, Outcome, Sample } from './sample.ts';
import { Judge, type Verdict } from './verdict.ts';

export interface WatchOptions {
  contract: HealthContract;
  /** One try, bounded by the given milliseconds. Must not throw. */
  probe: (timeoutMs: number) => Promise<Outcome & { ms: number }>;
  /** Pause between the end of a try and the start of the next. */
  intervalMs: number;
  /** The same after a try that got no answer; `intervalMs` where it is left out. */
  unansweredIntervalMs?: number;
  /** Bound for one try; cut to what is left until the deadline. */
  timeoutMs: number;
  deadlineMs: number;
  onSample?: (sample: Sample, check: Check) => void;
  /** Ends the watch early with the verdict so far, such as when a container has died. */
  signal?: AbortSignal;
  clock?: Clock;
}

/** Time as a dependency, so that tests need not wait. Milliseconds. */
export interface Clock {
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A try without an answer in less than this is the deadline's doing, not the target's. */
const TOO_SHORT_MS = 250;

/** Tries until the contract is met or the deadline has passed. Everything but a pass is tried again. */
export async function watch(options: WatchOptions): Promise<Verdict> {
  const clock = options.clock ?? systemClock;
  const judge = new Judge(options.contract);
  const start = clock.now();
  const left = (): number => options.deadlineMs - (clock.now() - start);
  let tries = 0;
  while (left() > 0 && !options.signal?.aborted) {
    const atMs = clock.now() - start;
    const allowed = Math.min(options.timeoutMs, left());
    const outcome = await options.probe(allowed);
    if (options.signal?.aborted) break;
    // A try that the deadline cut to almost nothing says nothing about the target; the failure before it does.
    if (tries > 0 && !outcome.answered && allowed < Math.min(options.timeoutMs, TOO_SHORT_MS)) break;
    tries += 1;
    const sample: Sample = { ...outcome, atMs };
    const check = judge.add(sample);
    options.onSample?.(sample, check);
    if (judge.verdict().state === 'healthy') break;
    const pause = outcome.answered ? options.intervalMs : (options.unansweredIntervalMs ?? options.intervalMs);
    if (left() > 0) await clock.sleep(Math.min(pause, left()), options.signal);
  }
  return judge.conclude();
}

const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener('abort', end, { once: true });
    }),
};
