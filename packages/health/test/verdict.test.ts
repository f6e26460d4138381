import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Judge, P95_SAMPLES, percentile, watch, type Clock, type HealthContract, type Outcome } from '../src/index.ts';

const contract: HealthContract = { status: 200, json: {}, release: null, consecutive: 3, maxP95Ms: null };
const pass: Outcome = {
  answered: true,
  status: 200,
  contentType: 'text/plain',
  release: 'r1',
  body: '',
  truncated: false,
};
const fail: Outcome = { ...pass, status: 500 };
const none: Outcome = { answered: false, reason: 'connection refused' };

const judged = (outcomes: readonly Outcome[], ms = 5, given = contract): Judge => {
  const judge = new Judge(given);
  outcomes.forEach((outcome, index) => judge.add({ ...outcome, atMs: index * 10, ms }));
  return judge;
};

describe('Judge', () => {
  it('needs the passes in a row', () => {
    expect(judged([pass, pass, fail, pass, pass]).verdict()).toMatchObject({
      state: 'pending',
      streak: 2,
      reason: '2 of 3 passes in a row; last failure: status 500 instead of 200',
    });
    expect(judged([pass, pass, fail, pass, pass, pass]).verdict()).toMatchObject({
      state: 'healthy',
      streak: 3,
      attempts: 6,
      release: 'r1',
      reason: '',
    });
  });

  it('keeps the first failure', () => {
    expect(judged([none, fail, pass, pass, pass]).conclude()).toMatchObject({
      state: 'healthy',
      firstFailure: 'try 1 after 0 ms: no answer: connection refused',
    });
  });

  it('tells never answered from answered wrong', () => {
    expect(judged([none, none]).conclude().state).toBe('unreachable');
    expect(judged([none, fail]).conclude().state).toBe('unhealthy');
  });

  it('passes no verdict on a p95 of few samples', () => {
    const bounded = { ...contract, maxP95Ms: 100 };
    const few = judged(Array<Outcome>(P95_SAMPLES - 1).fill(pass), 5, bounded);
    expect(few.verdict().state).toBe('pending');
    expect(few.conclude()).toMatchObject({ state: 'inconclusive', reason: expect.stringContaining('too few') });
    expect(judged(Array<Outcome>(P95_SAMPLES).fill(pass), 5, bounded).verdict().state).toBe('healthy');
    expect(judged(Array<Outcome>(P95_SAMPLES).fill(pass), 101, bounded).conclude()).toMatchObject({
      state: 'unhealthy',
      reason: 'p95 is 101 ms, more than 100 ms',
    });
  });

  it('leaves the first answers out of the p95, once, and takes it over as many as it was told to', () => {
    const bounded = { ...contract, maxP95Ms: 100, samples: 30, warmup: 4 };
    const judge = judged(Array<Outcome>(4).fill(pass), 5000, bounded);
    for (let n = 0; n < 29; n++) judge.add({ ...pass, atMs: n, ms: 5 });
    expect(judge.conclude()).toMatchObject({
      state: 'inconclusive',
      reason: '29 passes in a row are too few for a p95 (30 are needed)',
    });
    judge.add({ ...pass, atMs: 30, ms: 5 });
    expect(judge.verdict()).toMatchObject({ state: 'healthy', p95Ms: 5 });
    // After a failure it is as warm as before.
    judge.add({ ...fail, atMs: 31, ms: 5 });
    for (let n = 0; n < 30; n++) judge.add({ ...pass, atMs: 32 + n, ms: 500 });
    expect(judge.conclude()).toMatchObject({ state: 'unhealthy', reason: 'p95 is 500 ms, more than 100 ms' });
  });

  it('is healthy exactly when the last samples are passes enough', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(pass, fail, none), { maxLength: 40 }),
        fc.integer({ min: 1, max: 6 }),
        (outcomes, consecutive) => {
          const tail = outcomes.slice(-consecutive);
          const expected = tail.length === consecutive && tail.every((outcome) => outcome === pass);
          expect(judged(outcomes, 5, { ...contract, consecutive }).verdict().state === 'healthy').toBe(expected);
        },
      ),
    );
  });
});

describe('percentile', () => {
  it('is the nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([
      percentile(values, 50),
      percentile(values, 95),
      percentile(values, 100),
      percentile([7], 95),
      percentile([], 50),
    ]).toEqual([50, 95, 100, 7, null]);
  });
});

describe('watch', () => {
  /** Time passes only by sleeping and by probing. */
  const fake = (
    outcomes: readonly Outcome[],
    ms: number,
  ): {
    clock: Clock;
    probe: (timeoutMs: number) => Promise<Outcome & { ms: number }>;
    bounds: number[];
    now: () => number;
  } => {
    let now = 0;
    let index = 0;
    const bounds: number[] = [];
    return {
      bounds,
      now: () => now,
      clock: {
        now: () => now,
        sleep: (duration) => {
          now += duration;
          return Promise.resolve();
        },
      },
      probe: (timeoutMs) => {
        bounds.push(timeoutMs);
        now += Math.min(ms, timeoutMs);
        return Promise.resolve({ ...(outcomes[index++] ?? outcomes.at(-1) ?? none), ms });
      },
    };
  };

  it('ends at the first moment of health', async () => {
    const { clock, probe } = fake([none, fail, pass], 10);
    expect(await watch({ contract, probe, clock, intervalMs: 100, timeoutMs: 1000, deadlineMs: 60_000 })).toMatchObject(
      { state: 'healthy', attempts: 5 },
    );
  });

  it('ends at the deadline and never waits for a try beyond it', async () => {
    const { clock, probe, bounds, now } = fake([none], 1000);
    expect(await watch({ contract, probe, clock, intervalMs: 300, timeoutMs: 1000, deadlineMs: 3000 })).toMatchObject({
      state: 'unreachable',
      attempts: 3,
    });
    expect(now()).toBe(3000);
    expect(bounds).toEqual([1000, 1000, 400]);
  });

  it('asks again sooner where nobody listens yet, and keeps to its pace with one who answers', async () => {
    const { clock, probe, now } = fake([none, none, fail, pass], 0);
    const paces = { intervalMs: 100, unansweredIntervalMs: 25 };
    await watch({ contract, probe, clock, ...paces, timeoutMs: 1000, deadlineMs: 60_000 });
    expect(now()).toBe(2 * 25 + 100 + 2 * 100);
  });

  it('ends when told to', async () => {
    const { clock, probe } = fake([fail], 10);
    const stop = new AbortController();
    const verdict = await watch({
      contract,
      probe,
      clock,
      intervalMs: 10,
      timeoutMs: 100,
      deadlineMs: 1e9,
      signal: stop.signal,
      onSample: (sample) => sample.atMs > 100 && stop.abort(),
    });
    expect(verdict.state).toBe('unhealthy');
  });
});
