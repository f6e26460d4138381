import hash from '@adonisjs/core/services/hash';
import { User, type UserRecord } from '../models/user.ts';

/** Raised when the e-mail address has an account already. */
export class EmailTaken extends Error {
  override name = 'EmailTaken';
}

const MOST_PARALLEL_HASHES = 4;
let running = 0;
const waiting: (() => void)[] = [];

/** The one place that knows how users are stored and how a password is checked. */
export const users = {
  async create(fields: { name: string; email: string; password: string }): Promise<UserRecord> {
    const passwordHash = await oneOfFew(() => hash.make(fields.password));
    try {
      const user = await User.create({ name: fields.name, email: fields.email, passwordHash });
      return user.toObject();
    } catch (error) {
      if ((error as { code?: number }).code === 11000)
        throw new EmailTaken('This e-mail address has an account already.');
      throw error;
    }
  },

  async findById(id: unknown): Promise<UserRecord | null> {
    return User.findById(id).lean<UserRecord>();
  },

  /** The user, or null; takes as long for an unknown address as for a wrong password. */
  async verify(email: string, password: string): Promise<UserRecord | null> {
    const user = await User.findOne({ email }).lean<UserRecord>();
    if (user === null) {
      await oneOfFew(() => hash.make(password));
      return null;
    }
    return (await oneOfFew(() => hash.verify(user.passwordHash, password))) ? user : null;
  },
};

/** A hash takes 16 MiB and a core: more than a few at once would starve a small host. */
async function oneOfFew<T>(work: () => Promise<T>): Promise<T> {
  if (running >= MOST_PARALLEL_HASHES) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}
