import { createHash, randomBytes } from 'node:crypto';
import type { HttpContext } from '@adonisjs/core/http';
import { settings } from '../../start/settings.ts';
import { Session } from '../models/session.ts';
import type { UserRecord } from '../models/user.ts';
import { users } from './users.ts';

const LIFETIME_SECONDS = 14 * 24 * 3600;

/** The __Host- prefix makes browsers refuse the cookie from a subdomain or without Secure. */
const COOKIE = settings.secureCookies ? '__Host-brainbytes' : 'brainbytes';
const COOKIE_OPTIONS = { path: '/', httpOnly: true, sameSite: 'lax', secure: settings.secureCookies } as const;

const keyOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** Server-side sessions: the browser holds a random token in an encrypted cookie, the database its hash. */
export const sessions = {
  /** Signs the browser in, under a fresh token whatever it had before. */
  async open({ request, response }: HttpContext, user: UserRecord): Promise<void> {
    await end(request.encryptedCookie(COOKIE));
    const token = randomBytes(32).toString('base64url');
    const expiresAt = new Date(Date.now() + LIFETIME_SECONDS * 1000);
    await Session.create({ _id: keyOf(token), userId: user._id, expiresAt });
    response.encryptedCookie(COOKIE, token, { ...COOKIE_OPTIONS, maxAge: LIFETIME_SECONDS });
  },

  /** The signed-in user of a request, or null. */
  async userOf({ request }: HttpContext): Promise<UserRecord | null> {
    const token: unknown = request.encryptedCookie(COOKIE);
    if (typeof token !== 'string') return null;
    const session = await Session.findById(keyOf(token)).lean();
    if (session === null || session.expiresAt.getTime() < Date.now()) return null;
    return users.findById(session.userId);
  },

  /** Signs the browser out, here and in the database. */
  async close({ request, response }: HttpContext): Promise<void> {
    await end(request.encryptedCookie(COOKIE));
    response.clearCookie(COOKIE, COOKIE_OPTIONS);
  },
};

async function end(token: unknown): Promise<void> {
  if (typeof token === 'string') await Session.deleteOne({ _id: keyOf(token) });
}
