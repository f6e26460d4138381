import { z } from 'zod';
import { colour, serviceName } from './ids.ts';

const count = z.int().min(0);
const milliseconds = z.number().min(0);

/** What a prober asks: the first three on every app's health path, the others where the compose file declares `probes`. */
export const PROBE_KINDS = ['get', 'get-fresh', 'http2', 'post', 'upload', 'slow', 'websocket', 'stream'] as const;
export type ProbeKind = (typeof PROBE_KINDS)[number];

/** Kinds that hold a connection on purpose: how long they take says nothing about how quick the app is. */
export const LONG_KINDS: readonly ProbeKind[] = ['slow', 'websocket', 'stream'];

/**
 * By the time at which a request was sent: before the route file was renamed, from then to the confirmed switch, and from there to the
 * end of the bake.
 */
export const PHASES = ['before', 'during', 'after'] as const;
export type Phase = (typeof PHASES)[number];

/**
 * Requests of one kind, or of all kinds, in one phase; percentiles over those that were answered soundly, null for none. Over all kinds
 * they leave out the ones that are held on purpose.
 */
export const FiguresSchema = z.object({
  requests: count,
  failures: count,
  p50Ms: milliseconds.nullable(),
  p95Ms: milliseconds.nullable(),
  p99Ms: milliseconds.nullable(),
});
export type Figures = z.infer<typeof FiguresSchema>;

const phases = z.object({ before: FiguresSchema, during: FiguresSchema, after: FiguresSchema });
export type Phases = z.infer<typeof phases>;

/** What the edge itself counted for a service of a colour while the operation lasted: visitors and prober together. */
export const EdgeCountsSchema = z.object({
  service: serviceName,
  colour,
  requests: count,
  /** Answers 500 to 599. */
  errors: count,
  /** Those of them that the edge gives where the app does not answer: 502 and 504. */
  gateway: count,
  /** The same for the old colour in all the time that the edge remembers before the switch; what an app always did is no drop. */
  earlier: z.object({ requests: count, gateway: count }),
});
export type EdgeCounts = z.infer<typeof EdgeCountsSchema>;

/**
 * What was seen on the public path from the start of the new colour to the end of the bake; latencies in milliseconds. Entries of the
 * ledger without `v` are of the first shape, with the totals alone. Unknown keys are dropped: an older reader follows a newer agent.
 */
export const ReceiptSchema = z.object({
  v: z.literal(2).optional(),
  requests: count,
  failures: count,
  /** Connections of the old colour that had to be cut when draining ended. */
  cut: count,
  /** Over all kinds that are answered at once. */
  p50Ms: milliseconds,
  p95Ms: milliseconds,
  p99Ms: milliseconds,
  phases: phases.optional(),
  kinds: z.partialRecord(z.enum(PROBE_KINDS), phases).optional(),
  /** The first few failures: kind, phase and what was wrong. */
  firstFailures: z.array(z.string().max(300)).max(10).optional(),
  edge: z.array(EdgeCountsSchema).optional(),
});
export type Receipt = z.infer<typeof ReceiptSchema>;

/**
 * Why an operation with this receipt was not without a drop, as one sentence without a full stop; null where nothing was lost.
 * Connections that outlived the drain limit are not among it: the release itself says how long they may, see `cutOff`.
 */
export function dropped(receipt: Receipt): string | null {
  const said: string[] = [];
  if (receipt.failures > 0) {
    const [first] = receipt.firstFailures ?? [];
    said.push(
      `${receipt.failures} of ${receipt.requests} requests on the public path failed${first === undefined ? '' : ` (first: ${first})`}`,
    );
  }
  const gateway = (receipt.edge ?? []).filter(isLoss).reduce((sum, counts) => sum + counts.gateway, 0);
  if (gateway > 0) said.push(`the edge answered ${gateway} requests with 502 or 504 for the app`);
  return said.length === 0 ? null : said.join('; ');
}

/** What became of connections that were still open when the drain limit was reached, as one sentence; null where none was. */
export function cutOff({ cut }: Pick<Receipt, 'cut'>): string | null {
  return cut === 0 ? null : `${cut} connections of the old colour were still open at the drain limit and were cut`;
}

/** More than twice the share of before: an app that answers 502 or 504 of its own accord is not called a drop. */
function isLoss({ requests, gateway, earlier }: EdgeCounts): boolean {
  const share = earlier.requests === 0 ? 0 : earlier.gateway / earlier.requests;
  return gateway > 2 * share * requests;
}
