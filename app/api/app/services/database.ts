import mongoose from 'mongoose';
import { Chat } from '../models/chat.ts';
import { Limit } from '../models/limit.ts';
import { Message } from '../models/message.ts';
import { Session } from '../models/session.ts';
import { User } from '../models/user.ts';

interface Log {
  info(message: string): void;
  warn(message: string): void;
}

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5000;
const PURGE_EVERY_MS = 15 * 60_000;
const PING_TIMEOUT_MS = 1500;

/**
 * The connection to MongoDB. The process starts without it, keeps trying in the background and
 * fails requests at once (no buffering) while it is away; after the first success the driver reconnects by itself.
 * Only features that FerretDB 1.24 serves as well are used: no transactions, TTL, text or partial indexes, no $lookup.
 */
export class Database {
  readonly #uri: string;
  readonly #log: Log;
  #stopped = false;
  #retry: NodeJS.Timeout | undefined;
  #purge: NodeJS.Timeout | undefined;

  constructor(uri: string, log: Log) {
    this.#uri = uri;
    this.#log = log;
    mongoose.set('bufferCommands', false);
    mongoose.set('sanitizeFilter', true);
    mongoose.set('strictQuery', 'throw');
    mongoose.set('autoIndex', false);
    mongoose.set('autoCreate', false);
  }

  /** Begins to connect and returns at once. */
  start(): void {
    mongoose.connection.on('disconnected', () => {
      if (!this.#stopped) this.#log.warn('database disconnected');
    });
    this.#purge = setInterval(() => void purgeExpired().catch(() => undefined), PURGE_EVERY_MS).unref();
    void this.#connect(FIRST_RETRY_MS);
  }

  async #connect(waitMs: number): Promise<void> {
    try {
      await mongoose.connect(this.#uri, {
        maxPoolSize: 10,
        serverSelectionTimeoutMS: 2500,
        connectTimeoutMS: 2500,
        socketTimeoutMS: 15_000,
        heartbeatFrequencyMS: 2000,
        waitQueueTimeoutMS: 5000,
      });
      await Promise.all([User, Session, Chat, Message, Limit].map((model) => model.createIndexes()));
      this.#log.info('database connected');
    } catch (error) {
      if (this.#stopped) return;
      // The driver's message may quote the address with its password: log the kind of error only.
      this.#log.warn(`database not reachable (${(error as Error).name}), next attempt in ${waitMs} ms`);
      await mongoose.disconnect().catch(() => undefined);
      this.#retry = setTimeout(() => void this.#connect(Math.min(waitMs * 2, LONGEST_RETRY_MS)), waitMs);
    }
  }

  /** Whether the database answers a ping within 1.5 s. */
  async reachable(): Promise<boolean> {
    const { db, readyState } = mongoose.connection;
    if (readyState !== 1 || db === undefined) return false;
    return withTimeout(db.command({ ping: 1 }), PING_TIMEOUT_MS);
  }

  /** Whether signing in can work: the session and user collections can be read. */
  async accountsReadable(): Promise<boolean> {
    if (mongoose.connection.readyState !== 1) return false;
    return withTimeout(
      Promise.all([Session.findById('health').lean(), User.findOne({ email: 'health' }).lean()]),
      PING_TIMEOUT_MS,
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearInterval(this.#purge);
    await mongoose.disconnect();
  }
}

/** Deletes expired sessions and counters; stands in for a TTL index. */
async function purgeExpired(): Promise<void> {
  const expired = { expiresAt: { $lt: new Date() } };
  await Promise.all([Session.deleteMany(mongoose.trusted(expired)), Limit.deleteMany(mongoose.trusted(expired))]);
}

async function withTimeout(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** Whether an error says that the database is away, as opposed to a mistake of ours. */
export function isDatabaseAway(error: unknown): boolean {
  const name = error instanceof Error ? error.name : '';
  return (
    /^Mongo(ose)?(ServerSelection|Network|NetworkTimeout|NotConnected|PoolCleared|PoolClosed|WaitQueueTimeout|TopologyClosed|BufferedCommands|DisconnectedConnection)?.*Error$/.test(
      name,
    ) &&
    name !== 'MongoServerError' &&
    (name !== 'MongooseError' || /initial connection|buffer/i.test((error as Error).message))
  );
}
