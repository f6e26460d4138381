import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { parseEventLine, STEPS } from '@delivery/release';
import type { Event, Step } from '@delivery/release';

const APP = 'fixture';
const POLL_MS = 2;

/** An operation that stands still where its step begins: its agent has been sent SIGSTOP. */
export interface Held {
  /** Process id of the agent, as this machine counts. */
  pid: number;
  /** Path of the operation's run file, through the host's process directory. */
  file: string;
  /** The step was over before the agent stood still: the strike comes later than asked for. */
  late: boolean;
}

/** Why an operation could not be held: it ended, or it left the step out. */
export interface Missed {
  reason: string;
  skipped: boolean;
}

/** Whether a process still lives (a zombie does not). */
export function lives(pid: number): boolean {
  const state = /^State:\s+(\S)/m.exec(read(`/proc/${String(pid)}/status`))?.[1];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${String(pid)}/status`))?.[1] ?? 0);
}

/** Whether `pid` runs on the host whose first process is `init`. */
function isOn(pid: number, init: number): boolean {
  for (let at = pid, hops = 0; at > 1 && hops < 20; hops += 1) {
    if (at === init) return true;
    at = parentOf(at);
  }
  return false;
}

/** Agents of the app that carry out an operation on the host, by process id as this machine counts. */
export function agentsOn(init: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      const [program = '', script = '', verb = '', app = ''] = read(`/proc/${name}/cmdline`).split('\0');
      return (
        program.endsWith('node') && script.startsWith('/agent/') && /^(deploy|rollback)$/.test(verb) && app === APP
      );
    })
    .map(Number)
    .filter((pid) => isOn(pid, init));
}

function runFiles(init: number): string[] {
  const directory = `/proc/${String(init)}/root/opt/${APP}/runs`;
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith('.jsonl') && !name.startsWith('.'))
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}

export function eventsOf(text: string): Event[] {
  return text.split('\n').flatMap((line) => parseEventLine(line) ?? []);
}

/** Reads what was appended to a file since the last time. */
class Tail {
  private readonly file: number;
  private readonly chunk = Buffer.alloc(64 * 1024);
  private position = 0;
  text = '';

  constructor(path: string) {
    this.file = openSync(path, 'r');
  }

  grew(): boolean {
    const count = readSync(this.file, this.chunk, 0, this.chunk.length, this.position);
    this.position += count;
    this.text += this.chunk.toString('utf8', 0, count);
    return count > 0;
  }

  close(): void {
    closeSync(this.file);
  }
}

/** Where the text of a run file stands with regard to a step. */
export function standing(text: string, step: Step): 'before' | 'near' | 'begun' | 'over' | 'skipped' | 'ended' {
  const events = eventsOf(text);
  const own = events.filter((event) => event.event === 'step' && event.step === step);
  if (own.some((event) => event.event === 'step' && event.status === 'skipped')) return 'skipped';
  if (own.length > 1) return 'over';
  if (own.length === 1) return 'begun';
  // A rollback drains after its result.
  if (events.some((event) => event.event === 'result') && step !== 'drain' && step !== 'prune') return 'ended';
  const last = events.findLast((event) => event.event === 'step');
  if (last?.event !== 'step' || last.status !== 'start') return 'near';
  return STEPS.indexOf(last.step) >= STEPS.indexOf(step) - 1 ? 'near' : 'before';
}

/**
 * Waits for the next operation on the host and stops its agent the moment its run file says that `step` starts. Nothing else of the host
 * stands still. The agent goes on with SIGCONT.
 * @param known run files that were there before
 * @param init first process of the host, as this machine counts
 */
export async function hold(
  init: number,
  known: ReadonlySet<string>,
  step: Step,
  timeoutMs = 90_000,
): Promise<Held | Missed> {
  const until = performance.now() + timeoutMs;
  let pid: number | null = null;
  let tail: Tail | null = null;
  let file = '';
  try {
    while (performance.now() < until) {
      pid ??= agentsOn(init)[0] ?? null;
      if (pid === null) {
        await sleep(POLL_MS);
        continue;
      }
      if (tail === null) {
        file = runFiles(init).find((path) => !known.has(path)) ?? '';
        if (file === '') {
          if (!lives(pid)) pid = null;
          await turn();
          continue;
        }
        tail = new Tail(file);
      }
      const grew = tail.grew();
      const where = standing(tail.text, step);
      if (where === 'begun' || where === 'over') {
        process.kill(pid, 'SIGSTOP');
        await sleep(3);
        tail.grew();
        return { pid, file, late: standing(tail.text, step) === 'over' };
      }
      if (where === 'skipped') return { reason: skipReason(tail.text, step), skipped: true };
      if (where === 'ended' || (!grew && !lives(pid)))
        return { reason: `the operation ended before its step ${step}: ${lastWords(tail.text)}`, skipped: false };
      // The line that matters can be followed by the next within a millisecond.
      if (where === 'before') await sleep(POLL_MS);
      else await turn();
    }
    return { reason: `no operation came to its step ${step} within ${String(timeoutMs / 1000)} s`, skipped: false };
  } catch (error) {
    return { reason: `the agent could not be held: ${String(error)}`, skipped: false };
  } finally {
    tail?.close();
  }
}

function skipReason(text: string, step: Step): string {
  const event = eventsOf(text).find((item) => item.event === 'step' && item.step === step && item.status === 'skipped');
  return event?.event === 'step' ? (event.message ?? '') : '';
}

/** The last line of a run file, as it is. */
export function lastWords(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 600) ?? '';
}

export function knownRuns(init: number): Set<string> {
  return new Set(runFiles(init));
}
