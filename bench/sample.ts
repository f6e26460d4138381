import type { Report } from '../rehearsal/load/report.ts';

/** One measured command. Times in seconds, latency in milliseconds; null where there is no such thing. */
export interface Sample {
  /** start of the command's process to its end */
  wall: number;
  /** start of the command's process to the confirmed switch, as its log says it */
  switched: number | null;
  /** the host's own part of it: from the request at the host to the confirmed switch */
  onHost: number | null;
  /** start of the command to the first answer of the new release, seen by the load */
  firstNew: number | null;
  /** of the wall time, after the switch */
  drain: number | null;
  bake: number | null;
  /** SSH connections that were opened, where they were counted */
  connections: number | null;
  /** containers of the agent that were started, one per exec that does something */
  agents: number | null;
  requests: number;
  failures: number;
  p99: number;
  maxOk: number;
}

const NOTHING = { switched: null, onHost: null, drain: null, bake: null, connections: null, agents: null };

/** @param began start of the command, milliseconds since 1970 */
export function sample(report: Report, began: number, found: Pick<Sample, 'wall'> & Partial<Sample>): Sample {
  const next = report.firstNewReleaseMs;
  const { requests, failures, p99, max: maxOk } = report;
  const firstNew = next === null ? null : (Date.parse(report.startedAt) + next - began) / 1000;
  return { ...NOTHING, firstNew, requests, failures, p99, maxOk, ...found };
}

/** Seconds that a step took by its line in the action's log, such as `✓ drain 4.0 s: ...`. */
export function stepSeconds(log: string, step: string): number | null {
  const found = new RegExp(`^[✓✗] ${step} ([0-9.]+) (ms|s|min)\\b`, 'm').exec(log);
  if (found === null) return null;
  const unit = { ms: 0.001, s: 1, min: 60 }[found[2] as 'ms' | 's' | 'min'];
  return Number(found[1]) * unit;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}

export const pause = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
