/** Replays a workflow with its progress on the screen and its whole log in a file. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Happening } from './events.ts';
import { replay } from './replay.ts';
import type { ReplayRequest, Replayed } from './replay.ts';
import type { Session } from './session.ts';

/** Prints a line of progress. */
export type Say = (line: string) => void;

/** A printer that puts the seconds since its making before each line. */
export function stopwatch(): Say {
  const started = performance.now();
  return (line) => console.error(`${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s  ${line}`);
}

/** Lines of a red run that are shown; the rest is in the log. */
const TAIL = 40;

/** Replays one workflow. A red one is printed with the end of its log, unless it was expected to be red. */
export async function runWorkflow(
  session: Session,
  say: Say,
  request: Omit<ReplayRequest, 'runId'>,
  expectRed = false,
): Promise<Replayed> {
  const runId = await session.nextRun();
  const directory = join(session.rig.stateDir, 'logs');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const log = join(directory, `${String(runId).padStart(3, '0')}-${request.workflow.replace(/\.ya?ml$/, '')}.log`);
  writeFileSync(log, '', { mode: 0o600 });
  const tail: string[] = [];
  const report = (happening: Happening): void => {
    const line = lineOf(happening);
    if (line === null) return;
    appendFileSync(log, `${line}\n`);
    tail.push(line);
    if (tail.length > TAIL) tail.shift();
    if (happening.kind === 'end' && !/^(Checkout code|Setup Node.js)$/.test(happening.step.step)) say(`  ${line}`);
  };
  say(`${request.workflow} (${request.event}, run ${runId})`);
  const result = await replay(session.rig.runner, session.settings, { ...request, runId }, report);
  if (!result.success && !expectRed) {
    console.error(tail.map((line) => `    ${line}`).join('\n'));
    console.error(`    whole log: ${log}`);
  }
  return result;
}

function lineOf(happening: Happening): string | null {
  switch (happening.kind) {
    case 'start':
      return `> ${happening.job}: ${happening.step}`;
    case 'end': {
      const { job, step, result, ms } = happening.step;
      return `${result === 'failure' ? 'FAILED' : result} ${job}: ${step} (${(ms / 1000).toFixed(1)} s)`;
    }
    case 'line':
      return `${happening.job === '' ? '' : `${happening.job} | `}${happening.text}`;
    case 'job':
      return `${happening.success ? 'success' : 'FAILED'} ${happening.job}`;
    case 'output':
      return null;
  }
}
