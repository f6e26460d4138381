import { describe, expect, it } from '@jest/globals';
import { EnvelopeSchema } from '@delivery/release';
import type { Phase } from '@delivery/release';
import { renderColour } from '@delivery/stack';
import type { Container } from '../src/container.ts';
import { NO_COUNTS } from '../src/edge-metrics.ts';
import type { ServiceCounts } from '../src/edge-metrics.ts';
import { Samples } from '../src/prober/samples.ts';
import type { Run, Target } from '../src/run.ts';
import { bake } from '../src/steps/bake.ts';
import type { Witness } from '../src/witness.ts';
import { digestOf, manifestOf, SEALED } from './host.ts';

const manifest = manifestOf('r2');
const project = renderColour({ sealed: SEALED, manifest, colour: 'green' });
const target: Target = { manifest, digest: digestOf('c'), colour: 'green', project, generation: 2, warm: false };
const alive: Container = {
  id: 'c1',
  name: 'web',
  image: 'sha256:1',
  labels: { 'com.docker.compose.service': project.containers[0]?.name ?? '' },
  running: true,
  paused: false,
  restarting: false,
  restartCount: 0,
  startedAt: 't',
  exitCode: 0,
  oomKilled: false,
  health: null,
  stopSeconds: null,
  addresses: { edge: '10.0.0.2' },
  addresses6: [],
};

/** A host whose one container is what `now` says at that moment. */
function runOf(bakeSeconds: number, now: () => Container | null): Run {
  const envelope = EnvelopeSchema.parse({ format: 1, operation: 'op', options: { bakeSeconds } });
  const docker = {
    containers: () => Promise.resolve([alive]),
    container: () => Promise.resolve(now()),
    logs: () => Promise.resolve(['fatal: the lesson index is gone']),
  };
  return { envelope, docker } as unknown as Run;
}

class Seen {
  readonly samples = new Samples();
  green: ServiceCounts = NO_COUNTS;
  blue: ServiceCounts = NO_COUNTS;
  life: ServiceCounts = { ...NO_COUNTS, requests: 1000 };

  probes(phase: Phase, count: number, ms: number, failure: string | null = null): this {
    for (let n = 0; n < count; n++)
      this.samples.add({ kind: 'get', where: 'https://shop.test/health', phase, ms, failure });
    return this;
  }

  get witness(): Witness {
    const nothing = (): Promise<void> => Promise.resolve();
    return {
      prober: { samples: this.samples },
      edge: { all: () => this.life, seen: (colour) => this[colour], read: nothing },
      old: 'blue',
      enter: () => undefined,
      close: () => Promise.resolve(null),
    };
  }
}

const never = new AbortController().signal;
const done = Promise.resolve();

/** Watches a release that stays alive to the end. */
const baked = (bakeSeconds: number, seen: Seen): ReturnType<typeof bake> =>
  bake(
    runOf(bakeSeconds, () => alive),
    target,
    never,
    seen.witness,
    done,
  );

describe('watching a release after its switch', () => {
  it('lets one through that stays as it was', async () => {
    const seen = new Seen().probes('before', 100, 5).probes('after', 100, 6);
    const watched = await baked(1, seen);
    expect(watched.verdict).toBe('passed');
    expect(watched.reason).toBe('probes: 0 of 100 failed, p95 6 ms; before: 0 of 100 failed, p95 5 ms');
  });

  it('calls too few requests inconclusive', async () => {
    const seen = new Seen().probes('before', 100, 5).probes('after', 10, 6);
    expect((await baked(0, seen)).verdict).toBe('inconclusive');
  });

  const deaths: [string, Partial<Container> | null, RegExp][] = [
    ['crashes and is started again', { restartCount: 1, exitCode: 1 }, /was restarted 1 times \(last exit code 1\)/],
    ['ends', { running: false, exitCode: 7 }, /ended with exit code 7/],
    ['runs out of memory', { oomKilled: true }, /ran out of memory/],
    ['is removed', null, /was removed/],
  ];

  it.each(deaths)('burns at once when its container %s, with its last words', async (_, change, told) => {
    const began = performance.now();
    const now = (): Container | null =>
      performance.now() - began < 400 ? alive : change === null ? null : { ...alive, ...change };
    const seen = new Seen().probes('before', 100, 5).probes('after', 100, 6);
    const watched = await bake(runOf(20, now), target, never, seen.witness, done);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(watched).toMatchObject({ verdict: 'burned', logs: ['fatal: the lesson index is gone'] });
    expect(watched.reason).toMatch(told);
  });

  it('burns at once on failed probes in a row, however few there are', async () => {
    const seen = new Seen().probes('before', 100, 5).probes('after', 5, 6, 'status 502');
    const watched = await baked(20, seen);
    expect(watched).toMatchObject({ verdict: 'burned', reason: '5 probes in a row failed' });
  });

  it("burns on errors that only the edge's own counters show", async () => {
    const seen = new Seen().probes('before', 100, 5).probes('after', 100, 6);
    seen.green = { ...NO_COUNTS, requests: 500, errors: 100 };
    const watched = await baked(20, seen);
    expect(watched).toMatchObject({ verdict: 'burned', reason: expect.stringMatching(/^20.0 % of 500 requests/) });
  });

  it('compares with the time just before, not with a bad day in the life of the old colour', async () => {
    const seen = new Seen().probes('before', 100, 5).probes('after', 100, 6);
    seen.life = { ...NO_COUNTS, requests: 10_000, errors: 3_000 };
    seen.blue = { ...NO_COUNTS, requests: 500 };
    seen.green = { ...NO_COUNTS, requests: 500, errors: 100 };
    const watched = await baked(1, seen);
    expect(watched).toMatchObject({ verdict: 'burned' });
    // Where nobody asked lately, the life is all there is.
    seen.blue = NO_COUNTS;
    const passed = await baked(1, seen);
    expect(passed).toMatchObject({ verdict: 'passed' });
  });

  it('burns on a release that is slow for good, not on a slow beginning', async () => {
    const seen = new Seen().probes('before', 100, 5).probes('after', 100, 900);
    setTimeout(() => seen.probes('after', 2000, 6), 500);
    expect((await baked(2, seen)).verdict).toBe('passed');
    const slow = new Seen().probes('before', 100, 5).probes('after', 100, 900);
    const watched = await baked(1, slow);
    expect(watched).toMatchObject({ verdict: 'burned', reason: expect.stringMatching(/p95 of probes is 900 ms/) });
  });

  it('ends when a rollback wants it to', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    const began = performance.now();
    const watched = await bake(
      runOf(20, () => alive),
      target,
      stop.signal,
      new Seen().witness,
      done,
    );
    expect(watched.verdict).toBe('inconclusive');
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});
