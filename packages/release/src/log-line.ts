import { z } from 'zod';
import { isoTime, serviceName } from './ids.ts';
import { parseLine } from './parse.ts';

/** One line of what the launcher's `logs` prints; its secrets are masked on the host. Unknown keys are dropped. */
export const LogLineSchema = z.object({
  v: z.literal(1),
  t: isoTime,
  service: serviceName,
  container: z.string(),
  text: z.string(),
});
export type LogLine = z.infer<typeof LogLineSchema>;

/** The line of a container in a line of output, or null for a line that is none. */
export function parseLogLine(line: string): LogLine | null {
  return parseLine(LogLineSchema, line);
}
