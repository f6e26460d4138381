import { readFileSync } from 'node:fs';

const packageJson = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Everything the API takes from its environment, checked once at boot. */
export interface Settings {
  /** At least 32 characters; encrypts the session cookie. Never logged. */
  appKey: string;
  host: string;
  port: number;
  mongoUri: string;
  /** Which release answers; sent as X-Release. */
  releaseId: string;
  version: string;
  /** false only for plain-HTTP development: the cookie then loses Secure and its __Host- prefix. */
  secureCookies: boolean;
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Milliseconds between two pieces of a streamed answer. */
  paceMs: number;
}

/** Raised for an unusable environment. The message names the variable and what is allowed, never its value. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/**
 * Reads and checks the environment.
 * @throws SettingsError naming the first variable that is missing or malformed.
 */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const appKey = env['APP_KEY'] ?? '';
  if (appKey === '') throw new SettingsError('APP_KEY is not set. Give a random secret of at least 32 characters.');
  if (appKey.length < 32) {
    throw new SettingsError(`APP_KEY has ${appKey.length} characters. It needs at least 32.`);
  }
  const mongoUri = env['MONGO_URI'] || 'mongodb://127.0.0.1:27017/brainbytes';
  if (!/^mongodb(\+srv)?:\/\/\S+$/.test(mongoUri)) {
    throw new SettingsError('MONGO_URI is not a mongodb:// or mongodb+srv:// address.');
  }
  return {
    appKey,
    host: env['HOST'] || '0.0.0.0',
    port: integer(env, 'PORT', 3333, 0, 65_535),
    mongoUri,
    releaseId: token(env, 'RELEASE_ID', 'dev'),
    version: token(env, 'RELEASE_VERSION', packageJson.version),
    secureCookies: flag(env, 'COOKIE_SECURE', true),
    logLevel: choice(env, 'LOG_LEVEL', LOG_LEVELS, 'info'),
    paceMs: integer(env, 'TUTOR_PACE_MS', 45, 0, 1000),
  };
}

function integer(
  env: Record<string, string | undefined>,
  name: string,
  fallback: number,
  least: number,
  most: number,
): number {
  const text = env[name] || String(fallback);
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new SettingsError(`${name} must be a whole number from ${least} to ${most}.`);
  }
  return value;
}

function flag(env: Record<string, string | undefined>, name: string, fallback: boolean): boolean {
  const text = env[name] || String(fallback);
  if (text !== 'true' && text !== 'false') throw new SettingsError(`${name} must be "true" or "false".`);
  return text === 'true';
}

/** A value that goes into response headers: printable, no spaces. */
function token(env: Record<string, string | undefined>, name: string, fallback: string): string {
  const text = env[name] || fallback;
  if (!/^[0-9A-Za-z][0-9A-Za-z._+-]{0,127}$/.test(text)) {
    throw new SettingsError(`${name} may only hold letters, digits, ".", "_", "+" and "-" (at most 128).`);
  }
  return text;
}

function choice<T extends string>(
  env: Record<string, string | undefined>,
  name: string,
  allowed: readonly T[],
  fallback: T,
): T {
  const text = env[name] || fallback;
  const found = allowed.find((entry) => entry === text);
  if (found === undefined) throw new SettingsError(`${name} must be one of ${allowed.join(', ')}.`);
  return found;
}
