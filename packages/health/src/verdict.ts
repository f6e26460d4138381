import { P95_SAMPLES, type HealthContract } from './contract.ts';
import { checkSample, type Check, type Sample } from './sample.ts';

/**
 * - `pending`: not enough passes in a row yet, or (with a latency bound) too few or too slow ones
 * - `healthy`: the contract is met
 * After the deadline only, from `conclude`:
 * - `unhealthy`: wrong answers, or answers that are too slow
 * - `unreachable`: no try was answered at all
 * - `inconclusive`: enough passes in a row, but too few for the latency bound: neither a pass nor a failure
 */
export type State = 'pending' | 'healthy' | 'unhealthy' | 'unreachable' | 'inconclusive';

export interface Verdict {
  state: State;
  attempts: number;
  /** Passes in a row up to the last try. */
  streak: number;
  /** Percentiles over the passes in a row, milliseconds; null before the first one. */
  p50Ms: number | null;
  p95Ms: number | null;
  /** The first failing try: what happened first is usually the cause. */
  firstFailure: string | null;
  lastFailure: string | null;
  /** Value of the last `X-Release` header seen. */
  release: string | null;
  /** Why there is no pass yet, one line; empty when healthy. */
  reason: string;
}

/** Only the newest latencies count, so that a slow start does not burden a long watch. */
const WINDOW = 1000;

/** Adds up samples in the order of the tries. Pure: knows neither clock nor network. */
export class Judge {
  readonly #contract: HealthContract;
  #attempts = 0;
  #answers = 0;
  #latencies: number[] = [];
  #passes = 0;
  #streak = 0;
  #firstFailure: string | null = null;
  #lastFailure: string | null = null;
  #release: string | null = null;

  constructor(contract: HealthContract) {
    this.#contract = contract;
  }

  get #needed(): number {
    return this.#contract.samples ?? P95_SAMPLES;
  }

  /** Takes a sample; returns how it compares with the contract. */
  add(sample: Sample): Check {
    this.#attempts += 1;
    const check = checkSample(this.#contract, sample);
    if (sample.answered) {
      this.#answers += 1;
      this.#release = sample.release ?? this.#release;
    }
    if (check.ok) {
      this.#streak += 1;
      this.#passes += 1;
      if (this.#passes > (this.#contract.warmup ?? 0)) this.#latencies.push(sample.ms);
      if (this.#latencies.length > WINDOW) this.#latencies.shift();
    } else {
      this.#streak = 0;
      this.#latencies = [];
      this.#firstFailure ??= `try ${this.#attempts} after ${Math.round(sample.atMs)} ms: ${check.reason}`;
      this.#lastFailure = check.reason;
    }
    return check;
  }

  /** The verdict so far. */
  verdict(): Verdict {
    const { consecutive, maxP95Ms } = this.#contract;
    const p95Ms = percentile(this.#latencies, 95);
    const enough = this.#streak >= consecutive;
    const measured = this.#latencies.length >= this.#needed;
    const slow = maxP95Ms !== null && measured && p95Ms !== null && p95Ms > maxP95Ms;
    const healthy = enough && (maxP95Ms === null || (measured && !slow));
    return {
      state: healthy ? 'healthy' : 'pending',
      attempts: this.#attempts,
      streak: this.#streak,
      p50Ms: percentile(this.#latencies, 50),
      p95Ms,
      firstFailure: this.#firstFailure,
      lastFailure: this.#lastFailure,
      release: this.#release,
      reason: healthy ? '' : this.#why(enough, measured, slow, p95Ms),
    };
  }

  /** The verdict when no time is left. */
  conclude(): Verdict {
    const verdict = this.verdict();
    if (verdict.state === 'healthy') return verdict;
    if (this.#attempts > 0 && this.#answers === 0) return { ...verdict, state: 'unreachable' };
    const onlyFew = this.#streak >= this.#contract.consecutive && this.#latencies.length < this.#needed;
    return { ...verdict, state: onlyFew ? 'inconclusive' : 'unhealthy' };
  }

  #why(enough: boolean, measured: boolean, slow: boolean, p95Ms: number | null): string {
    const { consecutive, maxP95Ms } = this.#contract;
    if (slow) return `p95 is ${Math.round(p95Ms ?? 0)} ms, more than ${maxP95Ms ?? 0} ms`;
    if (enough && !measured)
      return `${this.#latencies.length} passes in a row are too few for a p95 (${this.#needed} are needed)`;
    const passes = `${this.#streak} of ${consecutive} passes in a row`;
    return this.#lastFailure === null ? passes : `${passes}; last failure: ${this.#lastFailure}`;
  }
}

/** Nearest-rank percentile; null for no values. */
export function percentile(values: readonly number[], percent: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(Math.ceil((percent / 100) * sorted.length) - 1, 0)] ?? null;
}
