import { randomBytes } from 'node:crypto';
import { closeSync, linkSync, mkdirSync, openSync, readdirSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { formatEvent } from '@delivery/release';
import type { Event, ResultEvent, Step } from '@delivery/release';
import { toStepError } from './failure.ts';
import { holdOpenFile } from './lock.ts';
import { masker } from './mask.ts';

const KEPT_RUNS = 50;

/**
 * The event lines of one operation, on standard output and in its run file. Whoever reads standard output may go away at any time
 * (a runner that dies, a session that is cut): the run file goes on, and `attach` reads it. The file stays locked as long as the
 * operation lives, also while it still waits for the app's lock.
 */
export class Events {
  private readonly operation: string;
  private readonly file: number;
  private readonly started = performance.now();
  private readonly hidden: Set<string>;
  private mask: (text: string) => string;
  private quiet = false;
  private readonly out: (line: string) => void;

  /**
   * Throws EEXIST where the operation has run before.
   * @param out where lines go besides the run file
   */
  constructor(
    runs: string,
    operation: string,
    secrets: Iterable<string>,
    out: (line: string) => void = (line) => void process.stdout.write(line),
  ) {
    this.operation = operation;
    this.out = out;
    this.hidden = new Set(secrets);
    this.mask = masker(this.hidden);
    mkdirSync(runs, { recursive: true, mode: 0o755 });
    // Locked before it has its name: whoever finds it can tell by the lock whether this operation still lives.
    const unnamed = join(runs, `.${randomBytes(8).toString('hex')}.new`);
    this.file = openSync(unnamed, 'ax', 0o644);
    try {
      holdOpenFile(this.file);
      linkSync(unnamed, join(runs, `${operation}.jsonl`));
    } catch (error) {
      closeSync(this.file);
      throw error;
    } finally {
      unlinkSync(unnamed);
    }
    forgetOldRuns(runs, `${operation}.jsonl`);
  }

  /** Takes further values out of everything said from here on. */
  hide(secrets: Iterable<string>): void {
    for (const secret of secrets) this.hidden.add(secret);
    this.mask = masker(this.hidden);
  }

  masked(text: string): string {
    return this.mask(text);
  }

  /** Milliseconds since the operation began. */
  elapsed(): number {
    return Math.round(performance.now() - this.started);
  }

  log(level: 'info' | 'warning' | 'error', message: string): void {
    this.write({ ...this.head(), event: 'log', level, message: this.mask(message) });
  }

  /** Runs one step between its `start` and its `ok` or `failed` line; what it throws leaves as a StepError that knows the step. */
  async step<T>(step: Step, work: (note: (message: string) => void) => T | Promise<T>): Promise<T> {
    const began = performance.now();
    const ms = (): number => Math.round(performance.now() - began);
    let message: string | undefined;
    this.write({ ...this.head(), event: 'step', step, status: 'start' });
    try {
      const value = await work((text) => (message = text));
      this.write({
        ...this.head(),
        event: 'step',
        step,
        status: 'ok',
        ms: ms(),
        ...(message === undefined ? {} : { message: this.mask(message) }),
      });
      return value;
    } catch (thrown) {
      const error = toStepError(thrown);
      error.step ??= step;
      this.write({
        ...this.head(),
        event: 'step',
        step,
        status: 'failed',
        ms: ms(),
        message: this.mask(error.message),
      });
      throw error;
    }
  }

  skipped(step: Step, message: string): void {
    this.write({ ...this.head(), event: 'step', step, status: 'skipped', message });
  }

  /** The last line for readers; what follows goes to the run file alone. */
  result(result: Omit<ResultEvent, 'v' | 't' | 'op' | 'event'>): void {
    this.write({ ...this.head(), event: 'result', ...result });
    this.quiet = true;
  }

  close(): void {
    closeSync(this.file);
  }

  private head(): { v: 1; t: string; op: string } {
    return { v: 1, t: new Date().toISOString(), op: this.operation };
  }

  private write(event: Event): void {
    const line = formatEvent(event);
    try {
      writeSync(this.file, line);
    } catch {
      // A full disk must not end an operation that may be past its switch; standard output still has the line.
    }
    if (!this.quiet) this.out(line);
  }
}

/** Keeps the newest run files, `own` always: file times are coarse, and a new file can look as old as one of before. */
function forgetOldRuns(runs: string, own: string): void {
  const files = readdirSync(runs).filter((name) => name.endsWith('.jsonl') && name !== own);
  const byAge = files.map((name) => ({ name, at: statSync(join(runs, name)).mtimeMs })).sort((a, b) => b.at - a.at);
  for (const { name } of byAge.slice(KEPT_RUNS - 1)) unlinkSync(join(runs, name));
}
