import { z } from 'zod';

const count = z.int().min(0);
const milliseconds = z.number().min(0);

/** What the prober saw on the public path from start to bake; latencies in milliseconds. */
export const ReceiptSchema = z.strictObject({
  requests: count,
  failures: count,
  /** Connections of the old colour that had to be cut when draining ended. */
  cut: count,
  p50Ms: milliseconds,
  p95Ms: milliseconds,
  p99Ms: milliseconds,
});
export type Receipt = z.infer<typeof ReceiptSchema>;
