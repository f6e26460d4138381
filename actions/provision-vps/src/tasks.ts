import * as core from '@actions/core';
import { duration, redact } from '@delivery/runner';
import { audit, readingsShell, type Reading, type ReadValue } from '../../../host/provision/audit.ts';
import { shellAs } from '../../../host/provision/facts.ts';
import type { Finding } from '../../../host/provision/finding.ts';
import { hostReadings } from '../../../host/provision/readings.ts';
import { parseLine, renderScript, type TaskStatus } from '../../../host/provision/script.ts';
import { hostTasks, type HostPlan } from '../../../host/provision/tasks.ts';
import type { Task } from '../../../host/provision/task.ts';
import type { Mode } from './inputs.ts';
import type { Login } from './login.ts';
import { oneLine } from './text.ts';

export interface TaskResult {
  id: string;
  reason: string;
  source: string;
  status: TaskStatus;
  ms: number;
  message: string;
}

export interface Outcome {
  tasks: TaskResult[];
  /** What the host said about itself after the last task; nothing where a task failed, or in mode plan. */
  readings: ReadValue[];
  /** What speaks against the host: by those readings, and by later looks at it. */
  findings: Finding[];
  failure: string | null;
}

const MARKS = { ok: '=', changed: '+', skipped: '-', drift: '~', failed: '✗' } as const;
/** The first run downloads packages and images; a slow mirror must not hold the job for ever. */
const TIMEOUT_MS = 30 * 60_000;

/** What is read back in a mode: before anything is set there is nothing to read. */
function readingsFor(plan: HostPlan, mode: Mode): Reading[] {
  return mode === 'plan' ? [] : hostReadings(plan);
}

/** The script that makes this host what the plan says, or inspects it alone; holds secrets. Ansible sends the same one. */
export function hostScript(plan: HostPlan, mode: Mode): string {
  return renderScript(hostTasks(plan), readingsShell(readingsFor(plan, mode)), {
    mode: mode === 'apply' ? 'apply' : 'inspect',
  });
}

/** How the script ended, as far as the connection could tell. */
export interface ScriptEnd {
  code: number | null;
  signal?: string | null;
  stderrTail: string;
}

/** Reads what the script says: `line` takes one line of its output and gives the task's result that is in it, `end` what came of all. */
export function outcomeReader(plan: HostPlan, mode: Mode): ScriptReader {
  return scriptReader(hostTasks(plan), readingsFor(plan, mode));
}

export interface ScriptReader {
  line: (text: string) => TaskResult | null;
  end: (how: ScriptEnd) => Outcome;
}

/** Reads the output of any script by the tasks and readings that are in it. */
export function scriptReader(tasks: readonly Task[], readings: readonly Reading[]): ScriptReader {
  const known = new Map(tasks.map((task) => [task.id, task]));
  const values = new Map<string, string>();
  const outcome: Outcome = { tasks: [], readings: [], findings: [], failure: null };
  return {
    line: (text) => {
      const line = parseLine(text);
      if (line?.kind === 'proof') values.set(line.name, redact(line.value));
      if (line?.kind !== 'task') return null;
      const { id, status, ms } = line;
      const { reason = '', source = '' } = known.get(id) ?? {};
      const result = { id, reason, source, status, ms, message: oneLine(line.message) };
      outcome.tasks.push(result);
      return result;
    },
    end: ({ code, signal, stderrTail }) => {
      const failed = outcome.tasks.find(({ status }) => status === 'failed');
      if (failed) {
        outcome.failure = `Task ${failed.id} failed: ${failed.message || 'without a message'}. What was done before it stays; the next run goes on from there`;
      } else if (code !== 0 || !values.has('end')) {
        outcome.failure = `The script on the host ended early (exit code ${code ?? `none, signal ${signal}`}): ${oneLine(stderrTail)}`;
      } else {
        outcome.readings = readings.map(({ id, what }) => ({ id, what, value: values.get(id) ?? '' }));
        outcome.findings = audit(readings, values);
      }
      return outcome;
    },
  };
}

/** A task's result as one line of the log. */
export function taskLine({ id, status, ms, message }: TaskResult): string {
  return `${MARKS[status]} ${id} (${duration(ms)})${message === '' ? '' : `: ${message}`}`;
}

/**
 * Sends all tasks as one script, to be applied or inspected alone, and follows its lines; then judges what the host read back.
 * A failed task is part of the outcome, not an exception.
 */
export function runTasks(login: Login, plan: HostPlan, mode: Mode, signal: AbortSignal): Promise<Outcome> {
  return runScript(login, {
    script: hostScript(plan, mode),
    tasks: hostTasks(plan),
    readings: readingsFor(plan, mode),
    timeoutMs: TIMEOUT_MS,
    signal,
  });
}

/** A script as it is sent, and what its lines are read by. */
export interface SentScript {
  script: string;
  tasks: readonly Task[];
  readings: readonly Reading[];
  timeoutMs: number;
  signal?: AbortSignal;
}

/** Sends one script and follows its lines. A failed task is part of the outcome, not an exception. @throws SshError */
export async function runScript(
  { session, user }: Login,
  { script, tasks, readings, ...bounds }: SentScript,
): Promise<Outcome> {
  const reader = scriptReader(tasks, readings);
  const result = await session.exec(shellAs(user), {
    ...bounds,
    stdin: script,
    onStdoutLine: (text) => {
      const task = reader.line(text);
      if (task !== null) core.info(taskLine(task));
    },
  });
  return reader.end(result);
}
