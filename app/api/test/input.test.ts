import { describe, expect, it } from '@jest/globals';
import { mayChange } from '../app/middleware/same_origin.ts';
import { readSettings } from '../app/settings.ts';
import { healthDocument } from '../app/services/health.ts';
import { RULES, windowOf } from '../app/services/limiter.ts';
import { loginValidator, registerValidator } from '../app/validators/auth.ts';
import { chatListValidator, isObjectId, questionValidator, titleOf } from '../app/validators/chat.ts';

const APP_KEY = 'k'.repeat(32);
const account = { name: 'A student', email: 'student@example.com', password: 'a long password' };

describe('settings', () => {
  it('has a value for everything but the key', () => {
    expect(readSettings({ APP_KEY })).toMatchObject({ port: 3333, releaseId: 'dev', secureCookies: true });
  });

  it.each([
    [{}, 'APP_KEY is not set'],
    [{ APP_KEY: 'short' }, 'APP_KEY has 5 characters'],
    [{ APP_KEY, PORT: '70000' }, 'PORT must be'],
    [{ APP_KEY, PORT: '3e3' }, 'PORT must be'],
    [{ APP_KEY, MONGO_URI: 'http://mongo' }, 'MONGO_URI is not'],
    [{ APP_KEY, RELEASE_ID: 'a\r\nSet-Cookie: b' }, 'RELEASE_ID may only'],
    [{ APP_KEY, COOKIE_SECURE: 'yes' }, 'COOKIE_SECURE must be'],
    [{ APP_KEY, LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be'],
  ])('refuses %j', (env, message) => {
    expect(() => readSettings(env)).toThrow(message);
  });

  it('never repeats a secret', () => {
    const secret = 'mongo+wrong://user:hunter2@host';
    expect(() => readSettings({ APP_KEY, MONGO_URI: secret })).toThrow(expect.not.stringContaining('hunter2'));
  });
});

describe('validators', () => {
  it('take a good account and put the address into one form', async () => {
    const taken = await registerValidator.validate({ ...account, name: ' Ñina  ', email: ' Student@Example.COM ' });
    expect(taken).toEqual({ ...account, name: 'Ñina', email: 'student@example.com' });
  });

  it.each([
    { ...account, email: 'nobody' },
    { ...account, password: 'short' },
    { ...account, password: 'x'.repeat(129) },
    { ...account, name: '<img onerror=alert(1)>' },
    { ...account, name: '' },
    { ...account, email: { $gt: '' } },
    {},
  ])('refuse the account %j', async (input) => {
    await expect(registerValidator.validate(input)).rejects.toMatchObject({ status: 422 });
  });

  it('refuse an operator in place of a password', async () => {
    await expect(loginValidator.validate({ email: account.email, password: { $ne: '' } })).rejects.toThrow();
  });

  it('take questions of 1 to 1000 characters', async () => {
    await expect(questionValidator.validate({ question: ' Why? ' })).resolves.toEqual({ question: 'Why?' });
    await expect(questionValidator.validate({ question: '   ' })).rejects.toThrow();
    await expect(questionValidator.validate({ question: 'x'.repeat(1001) })).rejects.toThrow();
    await expect(questionValidator.validate({ question: ['a'] })).rejects.toThrow();
  });

  it('take only a whole time as the cursor of the list', async () => {
    await expect(chatListValidator.validate({})).resolves.toEqual({});
    await expect(chatListValidator.validate({ before: new Date(0).toISOString() })).resolves.toBeDefined();
    await expect(chatListValidator.validate({ before: '$gt' })).rejects.toThrow();
  });

  it('know an id from anything else', () => {
    expect(isObjectId('6b027a76a8483401515be11c')).toBe(true);
    for (const other of ['6B027A76A8483401515BE11C', 'x', '', undefined, {}, ['6b027a76a8483401515be11c']]) {
      expect(isObjectId(other)).toBe(false);
    }
  });

  it('make a title of one short line', () => {
    expect(titleOf('What\n is   this?')).toBe('What is this?');
    expect(titleOf('long '.repeat(40))).toHaveLength(60);
  });
});

describe('same origin', () => {
  const request = { method: 'POST', host: 'tutor.test', secFetchSite: undefined, origin: undefined };

  it.each([
    [{ ...request, method: 'GET', secFetchSite: 'cross-site' }, true],
    [request, true],
    [{ ...request, secFetchSite: 'same-origin', origin: 'https://tutor.test' }, true],
    [{ ...request, secFetchSite: 'cross-site' }, false],
    [{ ...request, secFetchSite: 'same-site' }, false],
    [{ ...request, secFetchSite: 'none' }, false],
    [{ ...request, origin: 'https://evil.test' }, false],
    [{ ...request, origin: 'https://tutor.test:8443' }, false],
    [{ ...request, origin: 'null' }, false],
  ])('%j: %s', (input, allowed) => {
    expect(mayChange(input)).toBe(allowed);
  });
});

describe('health', () => {
  it('is the document of the deployment plan', () => {
    const now = new Date('2026-01-01T00:00:00Z');
    expect(healthDocument({ database: true, tutor: true, auth: true }, '1.0.0', now)).toEqual({
      status: 'healthy',
      timestamp: '2026-01-01T00:00:00.000Z',
      version: '1.0.0',
      services: { database: 'connected', openai: 'available', auth: 'operational' },
    });
  });

  it('is unhealthy as soon as one part is', () => {
    const parts = { database: true, tutor: true, auth: true };
    for (const part of ['database', 'tutor', 'auth']) {
      expect(healthDocument({ ...parts, [part]: false }, '1', new Date()).status).toBe('unhealthy');
    }
  });
});

describe('limiter', () => {
  it('gives each rule, subject and time window a counter, and hides the subject', () => {
    const { id, expiresAt } = windowOf(RULES.loginPerAccount, '10.0.0.1 student@example.com', 1_000_000);
    expect(id).not.toContain('student');
    expect(expiresAt.getTime()).toBe(1_800_000);
    expect(windowOf(RULES.loginPerAccount, '10.0.0.1 student@example.com', 1_799_999).id).toBe(id);
    expect(windowOf(RULES.loginPerAccount, '10.0.0.2 student@example.com', 1_000_000).id).not.toBe(id);
    expect(windowOf(RULES.loginPerAccount, '10.0.0.1 student@example.com', 1_800_000).id).not.toBe(id);
  });
});
