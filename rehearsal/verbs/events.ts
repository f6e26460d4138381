/** What a replayed workflow did, read from act's JSON log. */

export interface StepResult {
  /** Job path as act prints it, e.g. `Build/Automation/Gates`. */
  job: string;
  step: string;
  result: 'success' | 'failure' | 'skipped';
  ms: number;
}

export interface Replay {
  /** Whether every job succeeded. */
  success: boolean;
  steps: StepResult[];
  /** Outputs by `<step id>.<name>`; a later step of the same id replaces the earlier one's. */
  outputs: Record<string, string>;
  seconds: number;
}

/** One line of act's log that means something to us. */
export type Happening =
  | { kind: 'start'; job: string; step: string }
  | { kind: 'end'; step: StepResult }
  | { kind: 'output'; name: string; value: string }
  | { kind: 'job'; job: string; success: boolean }
  | { kind: 'line'; job: string; text: string };

/** Reads one line of `act --json`; null for what says nothing about a step. Lines that are no JSON are act's own complaints. */
export function readLine(line: string): Happening | null {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line.trim() === '' ? null : { kind: 'line', job: '', text: line.trimEnd() };
  }
  const job = typeof entry['job'] === 'string' ? entry['job'].trim() : '';
  const message = typeof entry['msg'] === 'string' ? entry['msg'].trimEnd() : '';
  const step = typeof entry['step'] === 'string' ? entry['step'] : '';
  if (entry['raw_output'] === true) return message === '' ? null : { kind: 'line', job, text: message };
  if (entry['jobResult'] !== undefined) return { kind: 'job', job, success: entry['jobResult'] === 'success' };
  if (entry['command'] === 'set-output' && Array.isArray(entry['stepID'])) {
    return {
      kind: 'output',
      name: `${entry['stepID'].join('/')}.${String(entry['name'])}`,
      value: String(entry['arg']),
    };
  }
  if (entry['stage'] === 'Main' && entry['stepResult'] !== undefined) {
    const result =
      entry['stepResult'] === 'success' || entry['stepResult'] === 'skipped' ? entry['stepResult'] : 'failure';
    return { kind: 'end', step: { job, step, result, ms: Number(entry['executionTime'] ?? 0) / 1e6 } };
  }
  if (entry['stage'] === 'Main' && message.includes('Run Main')) return { kind: 'start', job, step };
  return entry['level'] === 'error' ? { kind: 'line', job, text: message } : null;
}

/** Collects what a run did. */
export class Collector {
  private readonly steps: StepResult[] = [];
  private readonly outputs: Record<string, string> = {};
  private failed = false;
  private jobs = 0;

  take(happening: Happening): void {
    if (happening.kind === 'end') this.steps.push(happening.step);
    else if (happening.kind === 'output') this.outputs[happening.name] = happening.value;
    else if (happening.kind === 'job') {
      this.jobs += 1;
      if (!happening.success) this.failed = true;
    }
  }

  /** A run without one finished job did nothing, whatever its exit code says. */
  finish(exitCode: number, seconds: number): Replay {
    return {
      success: exitCode === 0 && !this.failed && this.jobs > 0,
      steps: this.steps,
      outputs: this.outputs,
      seconds,
    };
  }
}
