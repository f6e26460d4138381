import { setTimeout as sleep } from 'node:timers/promises';
import {
  parseHistory,
  parseLogLine,
  parseStatus,
  type EnvelopeInput,
  type LedgerEntry,
  type LogLine,
  type ResultEvent,
  type Status,
} from '@delivery/release';
import { openSession, SshError, type Session, type SessionOptions } from '@delivery/ssh';
import type { EventLog } from '../events.ts';
import { Refusal, refusal } from './refusal.ts';

export interface OperationRequest {
  verb: 'deploy' | 'rollback';
  /** Digest of the release image, id of a release, or null for the previous release. */
  argument: string | null;
  envelope: EnvelopeInput;
  /** Workflow run that this operation belongs to: an operation of the same run that is under way is followed instead of refused. */
  runId: string;
}

export interface OperationEnd {
  /** Operation that was followed to its end: ours, or an earlier one of the same run. */
  operation: string;
  result: ResultEvent;
}

export interface OperationOptions {
  log: EventLog;
  say: (message: string) => void;
  signal: AbortSignal;
  open?: (options: SessionOptions) => Promise<Session>;
  /** How long a lost connection is sought anew before the operation's fate is called unknown. Milliseconds. */
  reattachMs?: number;
  /** Pause before the n-th attempt to re-attach, from 1. Milliseconds. */
  pauseMs?: (attempt: number) => number;
}

const REATTACH_MS = 10 * 60_000;
const STATUS_TIMEOUT_MS = 30_000;
/** For what only adds to a summary: a host that is slow to say it must not hold the job. */
const ADDITION_TIMEOUT_MS = 10_000;
/** Failures that may be over in a moment; a refused login or another host key is not one. */
const PASSING: ReadonlySet<string> = new Set(['connection-lost', 'unreachable', 'handshake']);
/** Times that a host may say it knows nothing of the operation: its agent may not have begun to write when the connection broke. */
const UNKNOWN_LIMIT = 3;

/** One host for one operation: asks its launcher, follows the events, finds back after a lost connection. */
export class Host {
  readonly #connection: SessionOptions;
  readonly #options: OperationOptions;
  #session: Session | null = null;

  constructor(connection: SessionOptions, options: OperationOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /**
   * Runs an operation to its result, whatever the outcome is.
   * @throws Error when the host refused the call or its end stays unknown, SshError when there is no connection
   */
  async perform(request: OperationRequest): Promise<OperationEnd> {
    const first = await this.#start(request);
    if (first.result.outcome !== 'busy') return first;
    const holder = await this.#sameRun(request);
    if (!holder) return first;
    this.#options.say(`Operation ${holder} of this same workflow run is under way on the host: following it`);
    this.#options.log.restart();
    const earlier = { operation: holder, result: await this.#attach(holder) };
    // Another job of the same run may have deployed something else: then it is our turn now.
    if (request.verb === 'rollback' || earlier.result.running?.digest === request.argument) return earlier;
    this.#options.log.restart();
    return this.#start({ ...request, envelope: { ...request.envelope, operation: `${request.envelope.operation}-2` } });
  }

  /** Whether a session is open, so that asking again costs no new login. */
  get connected(): boolean {
    return this.#session !== null;
  }

  /** What the host says about itself; null where it cannot be had. */
  async status(): Promise<Status | null> {
    return this.#ask('status', STATUS_TIMEOUT_MS, parseStatus).catch(() => null);
  }

  /** Every operation that the host ever ended, oldest first. @throws Error where it cannot be had */
  history(): Promise<LedgerEntry[]> {
    return this.#ask('history', ADDITION_TIMEOUT_MS, parseHistory);
  }

  /** The last lines of the live release's containers. @throws Error where they cannot be had */
  logs(): Promise<LogLine[]> {
    return this.#ask('logs', ADDITION_TIMEOUT_MS, (text) =>
      text.split('\n').flatMap((line) => parseLogLine(line) ?? []),
    );
  }

  close(): void {
    this.#session?.close();
    this.#session = null;
  }

  /** One question that changes nothing. @throws Error, ContractError or SshError where it is not answered */
  async #ask<T>(verb: string, timeoutMs: number, parse: (text: string) => T): Promise<T> {
    const lines: string[] = [];
    const session = await this.#open();
    const end = await session.exec(verb, {
      onStdoutLine: (line) => lines.push(line),
      timeoutMs,
      signal: this.#options.signal,
    });
    if (end.code !== 0) throw refusal(this.#connection, verb, end);
    return parse(lines.join('\n'));
  }

  async #start(request: OperationRequest): Promise<OperationEnd> {
    const { operation } = request.envelope;
    const { say } = this.#options;
    const command = request.argument === null ? request.verb : `${request.verb} ${request.argument}`;
    try {
      const result = await this.#follow(operation, command, `${JSON.stringify(request.envelope)}\n`);
      return { operation, result };
    } catch (error) {
      if (!(error instanceof SshError) || error.kind !== 'connection-lost') throw error;
      say(`${error.message}. The host goes on by itself; following operation ${operation} again`);
      this.close();
      return { operation, result: await this.#attach(operation) };
    }
  }

  /** Reads an operation's events from its first to its result, over as many connections as it takes. */
  async #attach(operation: string): Promise<ResultEvent> {
    const { log, say, signal } = this.#options;
    const until = Date.now() + (this.#options.reattachMs ?? REATTACH_MS);
    const pause = this.#options.pauseMs ?? ((attempt: number) => Math.min(500 * 2 ** attempt, 15_000));
    let unknown = 0;
    let last = '';
    for (let attempt = 1; Date.now() < until; attempt += 1) {
      try {
        log.restart();
        return await this.#follow(operation, `attach ${operation}`);
      } catch (error) {
        if (error instanceof Refusal) {
          unknown += 1;
          if (unknown === UNKNOWN_LIMIT) throw new Error(unclear(operation, error.message), { cause: error });
        } else if (error instanceof SshError && PASSING.has(error.kind)) this.close();
        else throw error;
        last = error.message;
      }
      say(`Attempt ${attempt} to follow the operation again: ${last}`);
      await sleep(Math.min(pause(attempt), Math.max(until - Date.now(), 0)), undefined, { signal });
    }
    throw new Error(unclear(operation, last));
  }

  async #sameRun(request: OperationRequest): Promise<string | null> {
    if (request.runId === '') return null;
    const holder = (await this.status())?.operation;
    return holder?.verb === request.verb && holder.id.startsWith(`${request.runId}-`) ? holder.id : null;
  }

  /**
   * Runs one command and follows its events up to the result of the operation. What the agent does after it (drain, prune) does not need us,
   * and visitors have been served by then, so nobody waits for it. @throws Refusal when the command ends without a result
   */
  async #follow(operation: string, command: string, stdin?: string): Promise<ResultEvent> {
    const { log, signal } = this.#options;
    const session = await this.#open();
    const told = new AbortController();
    let result: ResultEvent | null = null;
    try {
      const end = await session.exec(command, {
        ...(stdin === undefined ? {} : { stdin }),
        onStdoutLine: (line) => {
          const event = log.line(line);
          if (event?.event !== 'result' || event.op !== operation) return;
          result = event;
          told.abort();
        },
        onStderrLine: (line) => log.stderr(line),
        signal: AbortSignal.any([signal, told.signal]),
      });
      if (result === null) throw refusal(this.#connection, command, end);
    } catch (error) {
      if (result === null) throw error;
    }
    return result;
  }

  async #open(): Promise<Session> {
    this.#session ??= await (this.#options.open ?? openSession)(this.#connection);
    return this.#session;
  }
}

function unclear(operation: string, why: string): string {
  return `How operation ${operation} ended is not known (${why}). Run this job again: it follows the operation where it still runs, and changes nothing where it is done`;
}
