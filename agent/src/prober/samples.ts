import { percentile } from '@delivery/health';
import { LONG_KINDS, PHASES, PROBE_KINDS } from '@delivery/release';
import type { Figures, Phase, Phases, ProbeKind, Receipt } from '@delivery/release';

const FIRST_FAILURES = 5;

export interface ProbeSample {
  kind: ProbeKind;
  /** Host and path that were asked. */
  where: string;
  phase: Phase;
  /** Milliseconds until it was answered; of no meaning for a failure. */
  ms: number;
  /** What was wrong; null for a sound answer. */
  failure: string | null;
}

/** What the bake watch compares: requests that are answered at once. */
export interface Quick {
  requests: number;
  failures: number;
  p95Ms: number | null;
}

/** Adds up what the prober saw. Pure: knows neither clock nor network. */
export class Samples {
  readonly #all: ProbeSample[] = [];
  readonly #row = new Map<string, number>();

  add(sample: ProbeSample): void {
    this.#all.push(sample);
    const key = `${sample.kind} ${sample.where}`;
    this.#row.set(key, sample.failure === null ? 0 : (this.#row.get(key) ?? 0) + 1);
  }

  get size(): number {
    return this.#all.length;
  }

  /** The longest row of failures, without a sound answer to the same question since. */
  failedInARow(): number {
    return Math.max(0, ...this.#row.values());
  }

  /** Over the kinds that are answered at once, of the given phases. */
  quick(phases: readonly Phase[]): Quick {
    const chosen = this.#all.filter(({ kind, phase }) => !LONG_KINDS.includes(kind) && phases.includes(phase));
    const { requests, failures, p95Ms } = figures(chosen);
    return { requests, failures, p95Ms };
  }

  /** The receipt's share; null where nothing was asked. */
  receipt(): Omit<Receipt, 'cut' | 'edge'> | null {
    if (this.#all.length === 0) return null;
    const all = figures(this.#all);
    const failed = this.#all.filter(({ failure }) => failure !== null);
    const kinds = PROBE_KINDS.flatMap((kind) => {
      const own = this.#all.filter((sample) => sample.kind === kind);
      return own.length === 0 ? [] : [[kind, byPhase(own)] as const];
    });
    return {
      v: 2,
      requests: this.#all.length,
      failures: failed.length,
      p50Ms: all.p50Ms ?? 0,
      p95Ms: all.p95Ms ?? 0,
      p99Ms: all.p99Ms ?? 0,
      phases: byPhase(this.#all),
      kinds: Object.fromEntries(kinds),
      firstFailures: failed
        .slice(0, FIRST_FAILURES)
        .map(({ kind, where, phase, failure }) =>
          `${kind} ${where} ${phase} the switch: ${String(failure)}`.slice(0, 300),
        ),
    };
  }
}

function byPhase(samples: readonly ProbeSample[]): Phases {
  const [before, during, after] = PHASES.map((phase) => figures(samples.filter((sample) => sample.phase === phase)));
  return { before, during, after } as Phases;
}

/** Percentiles over what is answered at once, or over the one kind that all samples are of. */
function figures(samples: readonly ProbeSample[]): Figures {
  const sound = samples.filter(({ failure }) => failure === null);
  const oneKind = samples.every(({ kind }) => kind === samples[0]?.kind);
  const times = sound.filter(({ kind }) => oneKind || !LONG_KINDS.includes(kind)).map(({ ms }) => ms);
  const at = (percent: number): number | null => {
    const found = percentile(times, percent);
    return found === null ? null : Math.round(found * 10) / 10;
  };
  return {
    requests: samples.length,
    failures: samples.length - sound.length,
    p50Ms: at(50),
    p95Ms: at(95),
    p99Ms: at(99),
  };
}
