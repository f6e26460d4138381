import { z } from 'zod';
import { operationId, REPOSITORY, sentSecretName } from './ids.ts';
import { parseDocument } from './parse.ts';

/** The launcher's and the agent's cap on standard input, in bytes. */
export const ENVELOPE_MAX_BYTES = 1024 * 1024;

const seconds = z.int().min(0).max(3600);
const oneLine = /^[^\p{Cc}]*$/u;

/** What an action sends on standard input with `deploy` and `rollback`. */
export const EnvelopeSchema = z.strictObject({
  format: z.literal(1),
  operation: operationId,
  /** Where the release image is pulled from, without tag and digest; needed by deploy, not by rollback. */
  repository: z.string().regex(REPOSITORY, 'must be <host[:port]/path> without tag and digest').optional(),
  registry: z
    .strictObject({
      host: z
        .string()
        .min(1)
        .max(255)
        .regex(/^[A-Za-z0-9.-]+(:[0-9]{1,5})?$/, 'must be <host[:port]>'),
      username: z.string().min(1),
      password: z.string().min(1),
    })
    .nullable()
    .default(null),
  secrets: z
    .record(
      sentSecretName,
      // NUL cannot be in an environment; a lone surrogate cannot be written as UTF-8. Both would corrupt the value silently.
      z
        .string()
        .refine(
          (value) => !value.includes('\0') && value.isWellFormed(),
          'must hold no NUL character and be valid Unicode',
        ),
    )
    .default({}),
  options: z
    .strictObject({
      lockWaitSeconds: seconds.default(0),
      bakeSeconds: seconds.default(0),
      /** Requests that are needed before and after the switch to compare the two; with fewer the watch is inconclusive. */
      bakeMinimumSamples: z.int().min(1).max(1_000_000).default(50),
      /** How much greater the share of errors may be than before the switch, 0 to 1. */
      bakeErrorRatio: z.number().min(0).max(1).default(0.02),
      /** How many times as slow as before the 95th percentile may be, ... */
      bakeLatencyFactor: z.number().min(1).max(1000).default(3),
      /** ... where it is slower by more than this, milliseconds: a few are nobody's trouble. */
      bakeLatencyFloorMs: z.int().min(0).max(60_000).default(250),
      /** Failed probes in a row that end the watch. */
      bakeFailedProbes: z.int().min(1).max(1000).default(5),
      drainSeconds: seconds.optional(),
      /** The database's schema number, typed as consent to what its schema speaks against. */
      forceSchema: z.int().min(0).optional(),
      /** A release that was sealed before the live one, and was never live here, is deployed all the same. */
      allowOlder: z.boolean().optional(),
    })
    .prefault({}),
  /** Of `run` alone: the program and its arguments; a first word `@<service>` names a web service other than the first. */
  command: z
    .array(
      z
        .string()
        .max(8192)
        .refine(
          (word) => !word.includes('\0') && word.isWellFormed(),
          'must hold no NUL character and be valid Unicode',
        ),
    )
    .min(1)
    .max(64)
    .optional(),
  actor: z.string().max(256).regex(oneLine, 'must hold no control characters').default(''),
  run: z.string().max(2048).regex(oneLine, 'must hold no control characters').default(''),
});
export type Envelope = z.infer<typeof EnvelopeSchema>;
/** As it is sent: what is left out gets its default on the host. */
export type EnvelopeInput = z.input<typeof EnvelopeSchema>;

/** Reads an envelope of at most 1 MiB; throws ContractError `envelope` naming the field, never a value. */
export function parseEnvelope(text: string): Envelope {
  return parseDocument('envelope', EnvelopeSchema, text, ENVELOPE_MAX_BYTES);
}
