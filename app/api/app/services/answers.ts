import type { Types } from 'mongoose';
import { textOf } from '../../tutor/engine.ts';
import type { TutorProvider } from '../../tutor/provider.ts';
import type { Plan } from '../../tutor/types.ts';
import { Message } from '../models/message.ts';

/** One answer that is being written. */
interface Run {
  pieces: string[];
  finished: boolean;
  /** Resolves at the next piece or at the end, and is then replaced. */
  changed: PromiseWithResolvers<void>;
  done: Promise<void>;
}

interface Log {
  error(details: object, message: string): void;
}

/**
 * Writes answers apart from the requests that read them: a reader that goes away stops nothing,
 * and one that comes back gets everything from the piece it asks for.
 */
export class Answers {
  readonly #provider: TutorProvider;
  readonly #log: Log;
  readonly #runs = new Map<string, Run>();
  readonly #stop = new AbortController();

  constructor(provider: TutorProvider, log: Log) {
    this.#provider = provider;
    this.#log = log;
  }

  available(): boolean {
    return this.#provider.available();
  }

  /** Begins to write an answer unless it is being written already. */
  start(messageId: Types.ObjectId, decided: Plan): void {
    const key = messageId.toString();
    if (this.#runs.has(key)) return;
    const run: Run = { pieces: [], finished: false, changed: Promise.withResolvers(), done: Promise.resolve() };
    this.#runs.set(key, run);
    run.done = this.#write(messageId, decided, run).finally(() => this.#runs.delete(key));
  }

  /** The pieces of a running answer from number `from` on; ends with the answer. Null when it is not running here. */
  follow(messageId: string, from: number): AsyncIterable<{ piece: string; number: number }> | null {
    const run = this.#runs.get(messageId);
    return run === undefined ? null : piecesOf(run, from);
  }

  /** Waits until every running answer is written and stored; after `ms` the rest is cut off (it stays "pending" and restarts). */
  async drain(ms: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), ms);
    await Promise.all([...this.#runs.values()].map((run) => run.done));
    clearTimeout(timer);
  }

  async #write(messageId: Types.ObjectId, decided: Plan, run: Run): Promise<void> {
    try {
      for await (const piece of this.#provider.stream(decided, this.#stop.signal)) {
        run.pieces.push(piece);
        announce(run);
      }
      await Message.updateOne({ _id: messageId }, { status: 'complete', text: textOf(decided) });
    } catch (error) {
      if (!this.#stop.signal.aborted)
        this.#log.error({ err: error, messageId: messageId.toString() }, 'answer not stored');
    } finally {
      run.finished = true;
      announce(run);
    }
  }
}

function announce(run: Run): void {
  const { resolve } = run.changed;
  run.changed = Promise.withResolvers();
  resolve();
}

async function* piecesOf(run: Run, from: number): AsyncIterable<{ piece: string; number: number }> {
  for (let number = from; ; number += 1) {
    while (number >= run.pieces.length && !run.finished) await run.changed.promise;
    const piece = run.pieces[number];
    if (piece === undefined) return;
    yield { piece, number };
  }
}
