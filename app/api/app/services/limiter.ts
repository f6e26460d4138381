import { createHash } from 'node:crypto';
import { Limit } from '../models/limit.ts';

/** How often something may happen. */
export interface Rule {
  name: string;
  limit: number;
  windowSeconds: number;
}

export const RULES = {
  loginPerAccount: { name: 'login-account', limit: 8, windowSeconds: 900 },
  loginPerAddress: { name: 'login-address', limit: 100, windowSeconds: 900 },
  registerPerAddress: { name: 'register-address', limit: 60, windowSeconds: 3600 },
  askPerUser: { name: 'ask-user', limit: 40, windowSeconds: 60 },
} satisfies Record<string, Rule>;

/** Raised when a rule is exceeded; `retryAfter` is in seconds. */
export class TooManyRequests extends Error {
  override name = 'TooManyRequests';
  readonly retryAfter: number;

  constructor(retryAfter: number) {
    super('Too many attempts. Please wait a moment and try again.');
    this.retryAfter = retryAfter;
  }
}

/** The counter of a rule and subject at a time, and when it ends. The subject is hashed: it may be an e-mail address. */
export function windowOf(rule: Rule, subject: string, now: number): { id: string; expiresAt: Date } {
  const length = rule.windowSeconds * 1000;
  const start = Math.floor(now / length);
  const hash = createHash('sha256').update(subject).digest('base64url').slice(0, 22);
  return { id: `${rule.name}:${start}:${hash}`, expiresAt: new Date((start + 1) * length) };
}

/**
 * Counts one event, in the database, so that the limit holds over several processes and restarts.
 * @throws TooManyRequests when the rule is exceeded.
 */
export async function count(rule: Rule, subject: string): Promise<void> {
  const now = Date.now();
  const { id, expiresAt } = windowOf(rule, subject, now);
  const after = await increment(id, expiresAt).catch((error: unknown) => {
    // Two first events at the same time: one upsert loses against the unique _id and then finds the document.
    if ((error as { code?: number }).code === 11000) return increment(id, expiresAt);
    throw error;
  });
  if (after.count > rule.limit) throw new TooManyRequests(Math.ceil((expiresAt.getTime() - now) / 1000));
}

/** Forgets a subject's events of the current window, for example after a good login. */
export async function clear(rule: Rule, subject: string): Promise<void> {
  await Limit.deleteOne({ _id: windowOf(rule, subject, Date.now()).id });
}

async function increment(id: string, expiresAt: Date): Promise<{ count: number }> {
  const found = await Limit.findOneAndUpdate(
    { _id: id },
    { $inc: { count: 1 }, $setOnInsert: { expiresAt } },
    { upsert: true, returnDocument: 'after', setDefaultsOnInsert: false },
  ).lean();
  return found ?? { count: 1 };
}
