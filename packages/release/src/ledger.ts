import { z } from 'zod';
import { colour, digest, isoTime, operationId, releaseId, secretName } from './ids.ts';
import { FailureSchema } from './events.ts';
import { ReceiptSchema } from './receipt.ts';

/**
 * One finished operation. `release`, `digest` and `colour` are those that the operation was about: after `deployed` and `rolled_back`
 * they are live; after `refused` and `failed` they are not, and `release` or `digest` is null where it never became known (a pull that
 * failed, a rollback without an earlier release). `previous` is the release that was live before the operation.
 * `generation` is the one of the route file that is live after the operation.
 */
const entryFields = z.object({
  v: z.literal(1),
  seq: z.int().min(1),
  t: isoTime,
  verb: z.enum(['deploy', 'rollback']),
  outcome: z.enum(['deployed', 'rolled_back', 'refused', 'failed']),
  release: releaseId.nullable(),
  digest: digest.nullable(),
  colour: colour.nullable(),
  previous: releaseId.nullable(),
  generation: z.int().min(0),
  actor: z.string(),
  run: z.string(),
  operation: operationId,
  /** Salted hashes of the secrets that the release was started with, by name. */
  secrets: z.record(secretName, z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')),
  durationMs: z.number().min(0),
  switchedMs: z.number().min(0).optional(),
  receipt: ReceiptSchema.nullable().optional(),
  error: FailureSchema.nullable().optional(),
});

export const LedgerEntrySchema = entryFields.superRefine((entry, context) => {
  if (!isLive(entry)) return;
  for (const field of ['release', 'digest'] as const) {
    if (entry[field] === null) context.addIssue({ code: 'custom', path: [field], message: `must be known when the outcome is ${entry.outcome}` });
  }
});
export type LedgerEntry = z.infer<typeof LedgerEntrySchema>;
export type Ledger = readonly LedgerEntry[];

/** The live release by the ledger; `since` is when it went live. */
export interface Running {
  release: string;
  digest: string;
  colour: 'blue' | 'green' | null;
  generation: number;
  since: string;
}

function isLive(entry: { outcome: string }): boolean {
  return entry.outcome === 'deployed' || entry.outcome === 'rolled_back';
}
