import { z } from 'zod';
import { appName, colour, digest, isoTime, operationId, releaseId } from './ids.ts';
import { LedgerEntrySchema, type LedgerEntry } from './ledger.ts';
import { parseDocument } from './parse.ts';
import { ReceiptSchema } from './receipt.ts';

/** Entries of kinds that a newer agent writes are left out, so that an older action can read the others. */
function known(entries: readonly unknown[]): LedgerEntry[] {
  return entries.flatMap((entry) => {
    const parsed = LedgerEntrySchema.safeParse(entry);
    return parsed.success ? [parsed.data] : [];
  });
}

/** A document bigger than this is none of ours. */
const MAX_BYTES = 4 * 1024 * 1024;

const live = z.object({ release: releaseId, digest, colour: colour.nullable(), since: isoTime });

/** What the host runs and who works on it, by its own records. Unknown keys are dropped, so that an older action can read a newer agent. */
export const HostStateSchema = z.object({
  running: live.nullable(),
  previous: live.nullable(),
  /** Who holds the lock now. */
  operation: z
    .object({ id: operationId, verb: z.enum(['deploy', 'rollback', 'backing']), actor: z.string(), startedAt: isoTime })
    .nullable(),
  /** The last entries, oldest first. */
  ledger: z.array(z.unknown()).transform(known),
});
export type HostState = z.infer<typeof HostStateSchema>;

/** What the launcher's `status` prints: one JSON document with the last 20 entries of the ledger. */
export const StatusSchema = HostStateSchema.extend({
  v: z.literal(1),
  app: appName,
  receipt: ReceiptSchema.nullable(),
  /** Kept releases, newest first, and whether the images that they would need to run again are on the host. */
  releases: z
    .array(z.object({ release: releaseId, images: z.enum(['here', 'gone']), missing: z.array(z.string()) }))
    .optional(),
  /** What a person should know, one sentence each. */
  notes: z.array(z.string()).optional(),
});
export type Status = z.infer<typeof StatusSchema>;

/** Reads a status document; throws ContractError `status`. */
export function parseStatus(text: string): Status {
  return parseDocument('status', StatusSchema, text, MAX_BYTES);
}

/** Reads what the launcher's `history` prints: the whole ledger, oldest entry first. Throws ContractError `history`. */
export function parseHistory(text: string): LedgerEntry[] {
  return parseDocument('history', z.array(z.unknown()).transform(known), text, MAX_BYTES);
}
