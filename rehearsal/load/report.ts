/** What one kind of traffic, or all of it, came to. Latencies in milliseconds from the scheduled send. */
export interface Figures {
  requests: number;
  failures: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** One release seen in answers: times in ms since the start of the load, by the send and by the answer. */
export interface Seen {
  release: string;
  firstAnswerAt: number;
  firstSentAt: number;
  lastSentAt: number;
  answers: number;
}

export interface Failure {
  /** ms since the start of the load */
  at: number;
  kind: string;
  /** `status-502`, `reset`, `refused`, `timeout`, `body`, `closed`, `count` or the code of the error */
  cause: string;
  detail: string;
}

export interface Report extends Figures {
  startedAt: string;
  seconds: number;
  rate: number;
  /** requests per second that were really sent in time; below the rate the generator itself was the bottleneck */
  sentRate: number;
  byKind: Record<string, Figures>;
  byCause: Record<string, number>;
  firstFailures: Failure[];
  /** ms since the start of the load; null where nothing failed */
  lastFailureAt: number | null;
  /** ISO time of the first answer from a release other than the first one seen; null if there was none */
  firstNewReleaseAt: string | null;
  firstNewReleaseMs: number | null;
  switches: Seen[];
  posts: { acknowledged: number; countedTwice: number };
}

function percentile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return 0;
  return Math.round((sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0) * 10) / 10;
}

function figures(latencies: number[], failures: number, requests: number): Figures {
  const sorted = Float64Array.from(latencies).sort();
  const list = Array.from(sorted);
  return {
    requests,
    failures,
    p50: percentile(list, 0.5),
    p95: percentile(list, 0.95),
    p99: percentile(list, 0.99),
    max: percentile(list, 1),
  };
}

interface Tally {
  latencies: number[];
  requests: number;
  failures: number;
}

/** Collects outcomes while a load runs. Long-lived kinds (slow, stream) count, but stay out of the overall percentiles. */
export class Recorder {
  readonly startedAt = Date.now();
  private readonly origin = performance.now();
  private readonly kinds = new Map<string, Tally>();
  private readonly seen = new Map<string, Seen>();
  private readonly causes = new Map<string, number>();
  private readonly failures: Failure[] = [];
  private lastFailureAt: number | null = null;
  private acknowledged = 0;
  private countedTwice = 0;

  /** ms since the start of the load */
  now(): number {
    return performance.now() - this.origin;
  }

  private tally(kind: string): Tally {
    let tally = this.kinds.get(kind);
    if (!tally) {
      tally = { latencies: [], requests: 0, failures: 0 };
      this.kinds.set(kind, tally);
    }
    return tally;
  }

  /** One good answer. `scheduled` is when it was due, `release` the X-Release header of the answer, if any. */
  ok(kind: string, scheduled: number, release: string | undefined): void {
    const now = this.now();
    const tally = this.tally(kind);
    tally.requests += 1;
    tally.latencies.push(now - scheduled);
    if (release !== undefined) this.saw(release, scheduled, now);
  }

  fail(kind: string, cause: string, detail: string): void {
    const tally = this.tally(kind);
    tally.requests += 1;
    tally.failures += 1;
    this.causes.set(cause, (this.causes.get(cause) ?? 0) + 1);
    this.lastFailureAt = Math.round(this.now());
    if (this.failures.length < 20)
      this.failures.push({ at: Math.round(this.now()), kind, cause, detail: detail.slice(0, 200) });
  }

  post(count: number): void {
    this.acknowledged += 1;
    if (count !== 1) this.countedTwice += 1;
  }

  private saw(release: string, sent: number, answered: number): void {
    const seen = this.seen.get(release);
    if (!seen) {
      this.seen.set(release, { release, firstAnswerAt: answered, firstSentAt: sent, lastSentAt: sent, answers: 1 });
      return;
    }
    seen.answers += 1;
    seen.firstSentAt = Math.min(seen.firstSentAt, sent);
    seen.lastSentAt = Math.max(seen.lastSentAt, sent);
  }

  report(rate: number, scheduledSends: number): Report {
    const seconds = this.now() / 1000;
    const short: number[] = [];
    const byKind: Record<string, Figures> = {};
    let requests = 0;
    let failures = 0;
    for (const [kind, tally] of this.kinds) {
      byKind[kind] = figures(tally.latencies, tally.failures, tally.requests);
      requests += tally.requests;
      failures += tally.failures;
      if (kind !== 'slow' && kind !== 'stream') for (const latency of tally.latencies) short.push(latency);
    }
    const switches = [...this.seen.values()].sort((a, b) => a.firstAnswerAt - b.firstAnswerAt);
    const next = switches[1];
    return {
      ...figures(short, failures, requests),
      startedAt: new Date(this.startedAt).toISOString(),
      seconds: Math.round(seconds * 10) / 10,
      rate,
      sentRate: Math.round((scheduledSends / Math.max(seconds, 0.001)) * 10) / 10,
      byKind,
      byCause: Object.fromEntries(this.causes),
      firstFailures: this.failures,
      lastFailureAt: this.lastFailureAt,
      firstNewReleaseAt: next ? new Date(this.startedAt + next.firstAnswerAt).toISOString() : null,
      firstNewReleaseMs: next ? Math.round(next.firstAnswerAt) : null,
      switches,
      posts: { acknowledged: this.acknowledged, countedTwice: this.countedTwice },
    };
  }
}

/** Names an error in one word. */
export function causeOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET' || code === 'EPIPE') return 'reset';
  if (code === 'ECONNREFUSED') return 'refused';
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || (error as { name?: unknown }).name === 'TimeoutError') return 'timeout';
  return typeof code === 'string' ? code : error instanceof Error ? error.name : 'unknown';
}
