import { z } from 'zod';
import { colour, digest, isoTime, operationId, releaseId, secretName, type Colour } from './ids.ts';
import { ContractError } from './contract-error.ts';
import { FailureSchema } from './failure.ts';
import { checkDocument } from './parse.ts';
import { ReceiptSchema } from './receipt.ts';
import { SchemaStateSchema } from './schema.ts';

/** One backing service that `backing apply` touched, and how visitors noticed it. */
export const BackingChangeSchema = z.object({
  service: z.string(),
  /** `restored`: the new one did not become healthy, the old one is back. */
  action: z.enum(['created', 'recreated', 'restored', 'lost']),
  /** What differed, without values. */
  what: z.array(z.string()),
  durationMs: z.number().min(0),
  /** On the public path: from the first answer that failed to the first sound one after the last. Absent without a route. */
  blipMs: z.number().min(0).optional(),
  failed: z.int().min(0).optional(),
  probes: z.int().min(0).optional(),
});
export type BackingChange = z.infer<typeof BackingChangeSchema>;

const fields = z.object({
  v: z.literal(1),
  seq: z.int().min(1),
  t: isoTime,
  verb: z.enum(['deploy', 'rollback', 'backing']),
  outcome: z.enum(['deployed', 'rolled_back', 'applied', 'refused', 'failed']),
  release: releaseId.nullable(),
  digest: digest.nullable(),
  colour: colour.nullable(),
  previous: releaseId.nullable(),
  generation: z.int().min(0),
  actor: z.string(),
  run: z.string(),
  operation: operationId,
  /** Version of the agent that wrote this: an older one does not go on from here. */
  agent: z
    .string()
    .regex(/^\d+\.\d+\.\d+$/, 'must be x.y.z')
    .optional(),
  /** Salted hashes of the secrets that the release was started with, by name. */
  secrets: z.record(secretName, z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')),
  /** Salted hash of the whole `.env` that it was started with: a service may take the file as it is. */
  environment: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')
    .optional(),
  /** The release ran already and was started anew because its secrets had changed. */
  rotated: z.boolean().optional(),
  durationMs: z.number().min(0),
  switchedMs: z.number().min(0).optional(),
  receipt: ReceiptSchema.nullable().optional(),
  error: FailureSchema.nullable().optional(),
  /** Of `backing`: what was changed, in order. */
  backing: z.array(BackingChangeSchema).optional(),
  /** The database after the operation, where any release ever declared a schema. */
  schema: SchemaStateSchema.optional(),
});

/**
 * One finished operation; `backing` changes services beside the live release and is no part of the history of releases. `release`, `digest` and `colour` are those that the operation was about: after `deployed` (of a deploy) and
 * `rolled_back` (of a rollback) they are live. After `refused` and `failed` they are not, also where a deploy was reverted after its
 * switch; `release` or `digest` is null where it never became known (a pull that failed, a rollback without an earlier release).
 * `previous` is the release that was live before the operation; `generation` that of the route file that is live after it.
 */
export const LedgerEntrySchema = fields.superRefine((entry, context) => {
  const done = { deploy: 'deployed', rollback: 'rolled_back', backing: 'applied' }[entry.verb];
  if (![done, 'refused', 'failed'].includes(entry.outcome)) {
    context.addIssue({ code: 'custom', path: ['outcome'], message: `a ${entry.verb} cannot end as ${entry.outcome}` });
  }
  if (!wentLive(entry)) return;
  for (const field of ['release', 'digest'] as const) {
    if (entry[field] === null) {
      context.addIssue({
        code: 'custom',
        path: [field],
        message: `must be known when the outcome is ${entry.outcome}`,
      });
    }
  }
});
export type LedgerEntry = z.infer<typeof LedgerEntrySchema>;
export type Ledger = readonly LedgerEntry[];

/** A release that is or was live by the ledger: `since` is when it went live. */
export interface Running {
  release: string;
  digest: string;
  colour: Colour | null;
  /** Generation of the route file that is live now (running) or that it was switched in with (previous). */
  generation: number;
  since: string;
}

/**
 * Reads ledger.jsonl. A last line that has no newline and is no complete JSON is what a crash in the middle of an append leaves: it is
 * left out. Anything else that is wrong throws ContractError `ledger` with the line's number: a release must not be chosen from a
 * ledger that somebody edited into nonsense.
 */
export function parseLedger(text: string): LedgerEntry[] {
  const lines = completeText(text).split('\n');
  if (lines.at(-1) === '') lines.pop();
  const entries: LedgerEntry[] = [];
  for (const [index, line] of lines.entries()) {
    const name = `ledger: line ${index + 1}`;
    const value = parseJson(line);
    if (value === undefined) throw new ContractError('ledger', `${name}: not valid JSON`);
    const format = (value as { v?: unknown } | null)?.v;
    if (typeof format === 'number' && format > 1)
      throw new ContractError(
        'agent_older',
        `${name}: has format ${format}, written by a newer agent; run provision-vps with that one`,
      );
    const entry = checkDocument('ledger', LedgerEntrySchema, value, name);
    const last = entries.at(-1);
    if (last !== undefined && entry.seq !== last.seq + 1) {
      throw new ContractError('ledger', `${name}: seq is ${entry.seq}, expected ${last.seq + 1}`);
    }
    entries.push(entry);
  }
  return entries;
}

/** An entry before the ledger gave it its number. */
export type NewLedgerEntry = Omit<LedgerEntry, 'v' | 'seq'>;

export interface LedgerAppend {
  entry: LedgerEntry;
  /** Bytes (UTF-8) of the file to keep: truncate it to this length before writing, which drops a torn last line. */
  keepBytes: number;
  /** What to write at that place; ends with a newline. */
  line: string;
}

/** The next line for a ledger file that holds `text`. Throws ContractError `ledger` for an unreadable ledger or a wrong entry. */
export function appendLine(text: string, entry: NewLedgerEntry): LedgerAppend {
  const seq = (parseLedger(text).at(-1)?.seq ?? 0) + 1;
  const checked = checkDocument('ledger', LedgerEntrySchema, { v: 1, seq, ...entry }, 'ledger: new entry');
  const kept = completeText(text);
  const separator = kept === '' || kept.endsWith('\n') ? '' : '\n';
  return { entry: checked, keepBytes: Buffer.byteLength(kept), line: `${separator}${JSON.stringify(checked)}\n` };
}

/** Releases in the order in which they went live; one that came back is there again. */
export function liveHistory(ledger: Ledger): Running[] {
  const history: Running[] = [];
  for (const entry of ledger) {
    if (!wentLive(entry) || entry.release === null || entry.digest === null) continue;
    const { release, digest, colour, generation, t: since } = entry;
    history.push({ release, digest, colour, generation, since });
  }
  return history;
}

/** What the ledger says is live, or null before the first successful deploy. Failed and refused operations change only the generation. */
export function running(ledger: Ledger): Running | null {
  const current = liveHistory(ledger).at(-1);
  const last = ledger.at(-1);
  if (current === undefined || last === undefined) return null;
  return { ...current, generation: last.generation };
}

/**
 * The release that was live before the running one: the latest other one. After a rollback from B to A that is B, so a second rollback
 * without a name goes back to B: two in a row toggle.
 */
export function previous(ledger: Ledger): Running | null {
  const history = liveHistory(ledger);
  const current = history.at(-1);
  return history.findLast((item) => item.release !== current?.release) ?? null;
}

/** Whether the operation brought its release live. */
export function wentLive(entry: { outcome: string }): boolean {
  return entry.outcome === 'deployed' || entry.outcome === 'rolled_back';
}

/** The text without a torn last line. */
function completeText(text: string): string {
  const end = text.lastIndexOf('\n') + 1;
  const tail = text.slice(end);
  return tail === '' || parseJson(tail) !== undefined ? text : text.slice(0, end);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
