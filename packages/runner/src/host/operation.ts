import { setTimeout as sleep } from 'node:timers/promises';
import { parseStatus, type Envelope, type ResultEvent, type Status } from '@delivery/release';
import { openSession, SshError, type ExecResult, type Session, type SessionOptions } from '@delivery/ssh';
import type { EventLog } from '../events.ts';
import { refusal } from './refusal.ts';

export interface OperationRequest {
  verb: 'deploy' | 'rollback';
  /** Digest of the release image, id of a release, or null for the previous release. */
  argument: string | null;
  envelope: Envelope;
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
    try {
      const lines: string[] = [];
      const session = await this.#open();
      const { code } = await session.exec('status', {
        onStdoutLine: (line) => lines.push(line),
        timeoutMs: STATUS_TIMEOUT_MS,
      });
      return code === 0 ? parseStatus(lines.join('\n')) : null;
    } catch {
      return null;
    }
  }

  close(): void {
    this.#session?.close();
    this.#session = null;
  }

  async #start(request: OperationRequest): Promise<OperationEnd> {
    const { operation } = request.envelope;
    const { say } = this.#options;
    const command = request.argument === null ? request.verb : `${request.verb} ${request.argument}`;
    const session = await this.#open();
    try {
      const end = await this.#exec(session, command, `${JSON.stringify(request.envelope)}\n`);
      const { result } = this.#options.log;
      if (result?.op === operation) return { operation, result };
      throw refusal(this.#connection, command, end);
    } catch (error) {
      const { result } = this.#options.log;
      if (result?.op === operation) return { operation, result };
      if (!(error instanceof SshError) || error.kind !== 'connection-lost') throw error;
      this.close();
      say(`${error.message}. The host goes on by itself; following operation ${operation} again`);
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
        const end = await this.#exec(await this.#open(), `attach ${operation}`);
        if (log.result?.op === operation) return log.result;
        last = refusal(this.#connection, `attach ${operation}`, end).message;
        unknown += 1;
        if (unknown >= UNKNOWN_LIMIT) break;
      } catch (error) {
        if (log.result?.op === operation) return log.result;
        const temporary =
          error instanceof SshError && ['connection-lost', 'unreachable', 'handshake'].includes(error.kind);
        if (!temporary) throw error;
        last = error.message;
        this.close();
      }
      say(`Attempt ${attempt} to follow the operation again: ${last}`);
      await sleep(Math.min(pause(attempt), Math.max(until - Date.now(), 0)), undefined, { signal });
    }
    throw new Error(
      `How operation ${operation} ended is not known (${last}). Run this job again: it follows the operation where it still runs, and changes nothing where it is done`,
    );
  }

  async #sameRun(request: OperationRequest): Promise<string | null> {
    if (request.runId === '') return null;
    const holder = (await this.status())?.operation;
    return holder?.verb === request.verb && holder.id.startsWith(`${request.runId}-`) ? holder.id : null;
  }

  async #exec(session: Session, command: string, stdin?: string): Promise<ExecResult> {
    const { log, signal } = this.#options;
    return session.exec(command, {
      ...(stdin === undefined ? {} : { stdin }),
      onStdoutLine: (line) => log.line(line),
      onStderrLine: (line) => log.stderr(line),
      signal,
    });
  }

  async #open(): Promise<Session> {
    this.#session ??= await (this.#options.open ?? openSession)(this.#connection);
    return this.#session;
  }
}
