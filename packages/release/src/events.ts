import { z } from 'zod';
import { FailureSchema, stepName } from './failure.ts';
import { colour, digest, isoTime, operationId, releaseId } from './ids.ts';
import { parseLine } from './parse.ts';
import { ReceiptSchema } from './receipt.ts';
import { HostStateSchema } from './status.ts';

export const OUTCOMES = ['deployed', 'unchanged', 'rolled_back', 'applied', 'refused', 'failed', 'busy'] as const;

const milliseconds = z.number().min(0);
const common = { v: z.literal(1), t: isoTime, op: operationId };

/** A release as seen in results and status: which one, from which image, in which colour. */
export const ReleaseRefSchema = z.strictObject({ release: releaseId, digest, colour: colour.nullable() });
export type ReleaseRef = z.infer<typeof ReleaseRefSchema>;

export const StepEventSchema = z.object({
  ...common,
  event: z.literal('step'),
  step: stepName,
  status: z.enum(['start', 'ok', 'failed', 'skipped']),
  ms: milliseconds.optional(),
  message: z.string().optional(),
});

export const LogEventSchema = z.object({
  ...common,
  event: z.literal('log'),
  level: z.enum(['info', 'warning', 'error']),
  message: z.string(),
});

export const TimingsSchema = z.object({
  switchedMs: milliseconds.optional(),
  drainMs: milliseconds.optional(),
  totalMs: milliseconds,
});

/** Always the last line of an operation. */
export const ResultEventSchema = z.object({
  ...common,
  event: z.literal('result'),
  outcome: z.enum(OUTCOMES),
  running: ReleaseRefSchema.nullable(),
  previous: ReleaseRefSchema.nullable(),
  timings: TimingsSchema,
  receipt: ReceiptSchema.nullable(),
  error: FailureSchema.nullable(),
  /** Where the purpose was not reached: what the host runs then. Absent where it could not be read, and from an older agent. */
  host: HostStateSchema.optional().catch(undefined),
});

/** One line of the agent's standard output. Unknown keys are dropped, so that an older action can follow a newer agent. */
export const EventSchema = z.discriminatedUnion('event', [StepEventSchema, LogEventSchema, ResultEventSchema]);
export type StepEvent = z.infer<typeof StepEventSchema>;
export type LogEvent = z.infer<typeof LogEventSchema>;
export type ResultEvent = z.infer<typeof ResultEventSchema>;
export type Event = z.infer<typeof EventSchema>;
export type Outcome = (typeof OUTCOMES)[number];
export type Timings = z.infer<typeof TimingsSchema>;

/** The event in a line of output, or null for a line that is none (a banner, docker's own noise, a torn line, a later version). */
export function parseEventLine(line: string): Event | null {
  return parseLine(EventSchema, line);
}

/** One line with its newline. JSON escapes newlines in messages, so an event never spans two lines. */
export function formatEvent(event: Event): string {
  return `${JSON.stringify(event)}\n`;
}
