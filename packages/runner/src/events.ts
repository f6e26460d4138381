import * as core from '@actions/core';
import { parseEventLine, type Event, type ResultEvent, type StepEvent } from '@delivery/release';
import type { TimedStep } from './summary.ts';
import { duration, foreignLines } from './text.ts';

export interface EventLog {
  /** Takes one line of the agent's output, prints it and returns the event, or null for a line that is none. */
  line(text: string): Event | null;
  /** Takes one line of standard error. */
  stderr(text: string): void;
  /** Forgets the steps seen so far: for a second reading of the same operation from its start. */
  restart(): void;
  /** Closes an open group. To be called once, whatever happened. */
  end(): void;
  readonly steps: readonly TimedStep[];
  readonly result: ResultEvent | null;
}

const MARKS = { ok: '✓', failed: '✗', skipped: '-' } as const;

/** Prints the agent's events as one log group per step, followed by one visible line with its outcome and duration. */
export function createEventLog(): EventLog {
  return new PrintedEvents();
}

class PrintedEvents implements EventLog {
  #steps: TimedStep[] = [];
  #result: ResultEvent | null = null;
  #open: string | null = null;
  #zero: number | null = null;
  /** Lines printed so far and lines to leave out when the same operation is read again. */
  #seen = 0;
  #skip = 0;

  get steps(): readonly TimedStep[] {
    return this.#steps;
  }

  get result(): ResultEvent | null {
    return this.#result;
  }

  line(text: string): Event | null {
    const event = parseEventLine(text);
    if (!event) {
      if (text.trim() !== '') print(text);
      return null;
    }
    const repeated = this.#seen++ < this.#skip;
    if (event.event === 'step') this.#step(event, repeated);
    else if (event.event === 'result') this.#end(event);
    else if (!repeated) print(event.message, event.level === 'info' ? '' : `${event.level} `);
    return event;
  }

  stderr(text: string): void {
    if (text.trim() !== '') print(text);
  }

  restart(): void {
    this.#skip = Math.max(this.#skip, this.#seen);
    this.#seen = 0;
    this.#steps = [];
    this.#zero = null;
  }

  end(): void {
    if (this.#open !== null) core.endGroup();
    this.#open = null;
  }

  /** Shows what the container itself said before it failed, where a reader of the log looks first. */
  #end(event: ResultEvent): void {
    this.#result = event;
    const lines = event.error?.logs ?? [];
    if (lines.length === 0) return;
    this.end();
    print('Last lines of the container:');
    for (const line of lines) print(line);
  }

  #step(event: StepEvent, repeated: boolean): void {
    const at = Date.parse(event.t);
    this.#zero ??= event.status === 'start' ? at : at - (event.ms ?? 0);
    const now = at - this.#zero;
    const running = this.#steps.find((step) => step.name === event.step && step.status === 'running');
    if (event.status === 'start') {
      if (!running) this.#steps.push({ name: event.step, status: 'running', startMs: now, endMs: now });
      if (repeated) return;
      this.end();
      core.startGroup(event.step);
      this.#open = event.step;
      if (event.message) print(event.message);
      return;
    }
    const step = running ?? {
      name: event.step,
      status: 'running',
      startMs: Math.max(now - (event.ms ?? 0), 0),
      endMs: now,
    };
    if (!running) this.#steps.push(step);
    step.status = event.status;
    step.endMs = event.ms === undefined ? now : step.startMs + event.ms;
    step.message = event.message;
    if (repeated) return;
    this.end();
    const took = event.status === 'skipped' ? 'skipped' : duration(step.endMs - step.startMs);
    const message = event.message
      ? `: ${foreignLines(event.message, '')
          .map((line) => line.slice(2))
          .join(' ')}`
      : '';
    core.info(`${MARKS[event.status]} ${event.step} ${took}${message}`);
  }
}

function print(text: string, prefix = ''): void {
  for (const line of foreignLines(text, prefix)) core.info(line);
}
