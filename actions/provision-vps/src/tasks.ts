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

/** Sends all tasks as one script, to be applied or inspected alone, and follows its lines. A failed task is part of the outcome, not an exception. */
export async function runTasks(
  session: Session,
  user: string,
  plan: HostPlan,
  mode: ScriptMode,
  signal: AbortSignal,
): Promise<Outcome> {
  const tasks = hostTasks(plan);
  const reasons = new Map(tasks.map(({ id, reason }) => [id, reason]));
  const outcome: Outcome = { tasks: [], proofs: [], failure: null };
  let ended = false;
  const result = await session.exec(shellAs(user), {
    stdin: renderScript(tasks, hostProofs(plan), { mode }),
    timeoutMs: TIMEOUT_MS,
    signal,
    onStdoutLine: (text) => {
      const line = parseLine(text);
      if (line?.kind === 'proof') {
        if (line.name === 'end') ended = true;
        else outcome.proofs.push({ name: line.name, value: redact(line.value) });
      }
      if (line?.kind !== 'task') return;
      const { id, status, ms } = line;
      const message = oneLine(line.message);
      outcome.tasks.push({ id, reason: reasons.get(id) ?? '', status, ms, message });
      core.info(`${MARKS[status]} ${id} (${duration(ms)})${message === '' ? '' : `: ${message}`}`);
    },
  });
  const failed = outcome.tasks.find(({ status }) => status === 'failed');
  if (failed)
    outcome.failure = `Task ${failed.id} failed: ${failed.message || 'without a message'}. What was done before it stays; the next run goes on from there`;
  else if (result.code !== 0 || !ended) {
    const said = oneLine(result.stderrTail);
    outcome.failure = `The script on the host ended early (exit code ${result.code ?? `none, signal ${result.signal}`}): ${said}`;
  }
  return outcome;
}
