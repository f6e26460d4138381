import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EnvelopeSchema } from '@delivery/release';
import { judge } from '../src/burn.ts';
import type { BakeOptions, Findings, Side } from '../src/burn.ts';

const options: BakeOptions = EnvelopeSchema.parse({ format: 1, operation: 'op' }).options;
const sound: Side = { requests: 1000, errors: 0, p95Ms: 20 };
const nothing: Side = { requests: 0, errors: 0, p95Ms: null };

function found(overrides: Partial<Findings> = {}): Findings {
  const both = { before: sound, after: sound };
  return { probes: both, edge: both, failedInARow: 0, died: null, ...overrides };
}

const side = fc
  .record({ requests: fc.nat(5000), share: fc.double({ min: 0, max: 1, noNaN: true }), p95Ms: fc.nat(10_000) })
  .map(({ requests, share, p95Ms }): Side => {
    const errors = Math.floor(requests * share);
    return { requests, errors, p95Ms: requests === 0 ? null : p95Ms };
  });
const findings = fc.record({
  probes: fc.record({ before: side, after: side }),
  edge: fc.record({ before: side, after: side }),
  failedInARow: fc.nat(20),
  died: fc.constantFrom(null, null, 'ended with exit code 1'),
});

describe('judging a release after its switch', () => {
  it('passes one that is as good as the one before', () => {
    expect(judge(found(), options)).toMatchObject({ verdict: 'passed', slow: null });
  });

  it('burns one whose container died, whatever the figures say', () => {
    const look = judge(found({ died: 'a container of service web ended with exit code 1' }), options);
    expect(look).toMatchObject({ verdict: 'burned', reason: 'a container of service web ended with exit code 1' });
  });

  it('burns on errors that the release of before did not give', () => {
    const after: Side = { requests: 1000, errors: 50, p95Ms: 20 };
    const look = judge(found({ edge: { before: sound, after } }), options);
    expect(look.verdict).toBe('burned');
    expect(look.reason).toBe('5.0 % of 1000 requests at the edge failed, 0.0 % before the switch');
  });

  it('does not blame a release for errors that were there before it', () => {
    const noisy: Side = { requests: 1000, errors: 300, p95Ms: 20 };
    expect(judge(found({ edge: { before: noisy, after: noisy } }), options).verdict).toBe('passed');
  });

  it('takes probes by their contract alone where nothing answered before', () => {
    const after: Side = { requests: 100, errors: 20, p95Ms: 20 };
    const first = found({ probes: { before: nothing, after }, edge: { before: nothing, after } });
    expect(judge(first, options).verdict).toBe('burned');
  });

  it('calls a release slow by factor and by a bound that a few milliseconds do not reach', () => {
    const at = (p95Ms: number): Findings => found({ probes: { before: sound, after: { ...sound, p95Ms } } });
    expect(judge(at(200), options).slow).toBeNull();
    expect(judge(at(280), options).slow).toMatch('the p95 of probes is 280 ms, more than 3 times the 20 ms');
    const slowAlready = found({ probes: { before: { ...sound, p95Ms: 400 }, after: { ...sound, p95Ms: 900 } } });
    expect(judge(slowAlready, options).slow).toBeNull();
  });

  it('never judges by too few requests', () => {
    fc.assert(
      fc.property(findings, (seen) => {
        const few = (one: Side): Side => {
          const requests = Math.min(one.requests, options.bakeMinimumSamples - 1);
          return { ...one, requests, errors: Math.min(one.errors, requests) };
        };
        const look = judge(
          {
            ...seen,
            probes: { before: seen.probes.before, after: few(seen.probes.after) },
            edge: { before: seen.edge.before, after: few(seen.edge.after) },
            failedInARow: 0,
            died: null,
          },
          options,
        );
        expect(look).toMatchObject({ verdict: 'inconclusive', slow: null });
      }),
    );
  });

  it('never gets better by more errors, a death or a failed probe', () => {
    fc.assert(
      fc.property(findings, fc.nat(1000), (seen, more) => {
        fc.pre(judge(seen, options).verdict === 'burned');
        const worse = (one: Side): Side => ({ ...one, errors: Math.min(one.requests, one.errors + more) });
        const later: Findings = {
          probes: { ...seen.probes, after: worse(seen.probes.after) },
          edge: { ...seen.edge, after: worse(seen.edge.after) },
          failedInARow: seen.failedInARow + more,
          died: seen.died,
        };
        expect(judge(later, options).verdict).toBe('burned');
      }),
    );
  });

  it('passes only where both sides have enough and no more errors than allowed', () => {
    fc.assert(
      fc.property(findings, (seen) => {
        fc.pre(judge(seen, options).verdict === 'passed');
        expect(seen.died).toBeNull();
        expect(seen.failedInARow).toBeLessThan(options.bakeFailedProbes);
        const enough = [seen.probes, seen.edge].filter(
          ({ before, after }) => Math.min(before.requests, after.requests) >= options.bakeMinimumSamples,
        );
        expect(enough.length).toBeGreaterThan(0);
        for (const { before, after } of enough) {
          const rise = after.errors / after.requests - before.errors / before.requests;
          expect(rise > options.bakeErrorRatio && after.errors >= 3).toBe(false);
        }
      }),
    );
  });
});
