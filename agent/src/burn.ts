import type { Envelope } from '@delivery/release';

/** Requests on one side of a comparison. */
export interface Side {
  requests: number;
  errors: number;
  /** Null where nothing was answered. */
  p95Ms: number | null;
}

/** What a look at a release after its switch finds. */
export interface Findings {
  /** What the prober saw, by the health contract and the declared probes. */
  probes: { before: Side; after: Side };
  /** What the edge counted of all requests: the old colour's before, the new one's after. */
  edge: { before: Side; after: Side };
  /** Failed probes in a row, with no sound answer to the same question since. */
  failedInARow: number;
  /** What happened to a container of the new colour; null while all run. */
  died: string | null;
}

export type BakeOptions = Pick<
  Envelope['options'],
  'bakeMinimumSamples' | 'bakeErrorRatio' | 'bakeLatencyFactor' | 'bakeLatencyFloorMs' | 'bakeFailedProbes'
>;

export interface Look {
  /** As far as it can be told at this moment, slowness left out. */
  verdict: 'passed' | 'inconclusive' | 'burned';
  reason: string;
  /** Why it is too slow; null where it is not. Early on that may be a start that is over in a moment. */
  slow: string | null;
}

/** A share of errors says something from so many errors on; one alone may be anybody's. */
const FEWEST_ERRORS = 3;

/**
 * Compares a release with the time before its switch. Pure. More of what is bad never makes the verdict better; too few requests never
 * make it anything but inconclusive, whatever was seen in them, unless a container died or probes fail in a row.
 */
export function judge({ probes, edge, failedInARow, died }: Findings, options: BakeOptions): Look {
  if (died !== null) return burned(died);
  if (failedInARow >= options.bakeFailedProbes) return burned(`${String(failedInARow)} probes in a row failed`);
  const enough = ({ requests }: Side): boolean => requests >= options.bakeMinimumSamples;

  const sources = [
    // A probe fails by the contract itself, so there is something to compare with even where nothing answered before.
    { name: 'probes', ...probes, known: enough(probes.before) || probes.before.requests === 0 },
    { name: 'requests at the edge', ...edge, known: enough(edge.before) },
  ];
  let slow: string | null = null;
  for (const { name, before, after, known } of sources) {
    if (!enough(after) || !known) continue;
    const [was, is] = [ratio(before), ratio(after)];
    if (after.errors >= FEWEST_ERRORS && is - was > options.bakeErrorRatio)
      return burned(`${percent(is)} of ${String(after.requests)} ${name} failed, ${percent(was)} before the switch`);
    if (enough(before)) slow ??= slower(name, before, after, options);
  }
  const compared = sources.filter(({ before, after }) => enough(before) && enough(after));
  if (compared.length === 0) {
    return {
      verdict: 'inconclusive',
      reason: `${String(edge.before.requests)} requests before and ${String(edge.after.requests)} after the switch; ${String(options.bakeMinimumSamples)} are needed on both sides`,
      slow: null,
    };
  }
  const said = compared.map(({ name, before, after }) => `${name}: ${side(after)}; before: ${side(before)}`);
  return { verdict: 'passed', reason: said.join('. '), slow };
}

function slower(name: string, before: Side, after: Side, options: BakeOptions): string | null {
  const { bakeLatencyFactor: factor, bakeLatencyFloorMs: floor } = options;
  if (before.p95Ms === null || after.p95Ms === null) return null;
  if (after.p95Ms <= before.p95Ms * factor || after.p95Ms - before.p95Ms <= floor) return null;
  return `the p95 of ${name} is ${ms(after.p95Ms)}, more than ${String(factor)} times the ${ms(before.p95Ms)} of before the switch`;
}

function burned(reason: string): Look {
  return { verdict: 'burned', reason, slow: null };
}

function ratio({ requests, errors }: Side): number {
  return requests === 0 ? 0 : errors / requests;
}

function side({ requests, errors, p95Ms }: Side): string {
  return `${String(errors)} of ${String(requests)} failed, p95 ${p95Ms === null ? 'unknown' : ms(p95Ms)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function ms(value: number): string {
  return `${String(Math.round(value))} ms`;
}
