import * as core from '@actions/core';
import { duration, redact } from '@delivery/runner';
import type { Session } from '@delivery/ssh';
import { shellAs } from '../../../host/provision/facts.ts';
import { parseLine, renderScript, type ScriptMode, type TaskStatus } from '../../../host/provision/script.ts';
import { hostProofs } from '../../../host/provision/proofs.ts';
import { hostTasks, type HostPlan } from '../../../host/provision/tasks.ts';
import { oneLine } from './text.ts';

export interface TaskResult {
  id: string;
  reason: string;
  status: TaskStatus;
  ms: number;
  message: string;
}

export interface Outcome {
  tasks: TaskResult[];
  /** What the host said about itself after the last task. */
  proofs: { name: string; value: string }[];
  failure: string | null;
}

const MARKS = { ok: '=', changed: '+', skipped: '-', drift: '~', failed: '✗' } as const;
/** The first run downloads packages and images; a slow mirror must not hold the job for ever. */
const TIMEOUT_MS = 30 * 60_000;

/** The script that makes this host what the plan says, or inspects it alone; holds secrets. Ansible sends the same one. */
export function hostScript(plan: HostPlan, mode: ScriptMode): string {
  return renderScript(hostTasks(plan), hostProofs(plan), { mode });
}

/** How the script ended, as far as the connection could tell. */
export interface ScriptEnd {
  code: number | null;
  signal?: string | null;
  stderrTail: string;
}

/** Reads what the script says: `line` takes one line of its output and gives the task's result that is in it, `end` what came of all. */
export function outcomeReader(plan: HostPlan): {
  line: (text: string) => TaskResult | null;
  end: (how: ScriptEnd) => Outcome;
} {
  const reasons = new Map(hostTasks(plan).map(({ id, reason }) => [id, reason]));
  const outcome: Outcome = { tasks: [], proofs: [], failure: null };
  let ended = false;
  return {
    line: (text) => {
      const line = parseLine(text);
      if (line?.kind === 'proof') {
        if (line.name === 'end') ended = true;
        else outcome.proofs.push({ name: line.name, value: redact(line.value) });
      }
      if (line?.kind !== 'task') return null;
      const { id, status, ms } = line;
      const result = { id, reason: reasons.get(id) ?? '', status, ms, message: oneLine(line.message) };
      outcome.tasks.push(result);
      return result;
    },
    end: ({ code, signal, stderrTail }) => {
      const failed = outcome.tasks.find(({ status }) => status === 'failed');
      if (failed)
        outcome.failure = `Task ${failed.id} failed: ${failed.message || 'without a message'}. What was done before it stays; the next run goes on from there`;
      else if (code !== 0 || !ended)
        outcome.failure = `The script on the host ended early (exit code ${code ?? `none, signal ${signal}`}): ${oneLine(stderrTail)}`;
      return outcome;
    },
  };
}

/** A task's result as one line of the log. */
export function taskLine({ id, status, ms, message }: TaskResult): string {
  return `${MARKS[status]} ${id} (${duration(ms)})${message === '' ? '' : `: ${message}`}`;
}

/** Sends all tasks as one script, to be applied or inspected alone, and follows its lines. A failed task is part of the outcome, not an exception. */
export async function runTasks(
  session: Session,
  user: string,
  plan: HostPlan,
  mode: ScriptMode,
  signal: AbortSignal,
): Promise<Outcome> {
  const reader = outcomeReader(plan);
  const result = await session.exec(shellAs(user), {
    stdin: hostScript(plan, mode),
    timeoutMs: TIMEOUT_MS,
    signal,
    onStdoutLine: (text) => {
      const task = reader.line(text);
      if (task !== null) core.info(taskLine(task));
    },
  });
  return reader.end(result);
}
