import { describe, expect, it } from '@jest/globals';
import { at, checkSample, type HealthContract, type Outcome } from '../src/index.ts';

const contract: HealthContract = {
  status: 200,
  json: { status: 'healthy', 'services.database': 'connected' },
  release: null,
  consecutive: 3,
  maxP95Ms: null,
};

const answer = (changes: Partial<Extract<Outcome, { answered: true }>> = {}): Outcome => ({
  answered: true,
  status: 200,
  contentType: 'application/json; charset=utf-8',
  release: 'r2',
  body: JSON.stringify({
    status: 'healthy',
    services: { database: 'connected', openai: 'available', auth: 'operational' },
  }),
  truncated: false,
  ...changes,
});

describe('checkSample', () => {
  it('passes an answer that keeps the contract', () => {
    expect(checkSample(contract, answer())).toEqual({ ok: true });
    expect(checkSample(contract, answer({ contentType: 'application/health+json' }))).toEqual({ ok: true });
    expect(checkSample({ ...contract, release: 'r2' }, answer())).toEqual({ ok: true });
    expect(checkSample({ ...contract, json: {} }, answer({ contentType: 'text/html', body: '<p>' }))).toEqual({
      ok: true,
    });
  });

  const wrong: [string, Partial<Extract<Outcome, { answered: true }>>, RegExp][] = [
    ['another status', { status: 500, contentType: 'text/plain' }, /^status 500 instead of 200$/],
    ['a redirect', { status: 302 }, /redirects are not followed/],
    ['200 with HTML', { contentType: 'text/html', body: '<html>' }, /content type "text\/html" instead of JSON/],
    ['JSON by name only', { contentType: 'application/jsonp' }, /instead of JSON/],
    ['a body that is no JSON', { body: '<html>' }, /not valid JSON/],
    ['a body that was cut', { truncated: true }, /longer than/],
    [
      'another literal',
      { body: '{"status":"degraded","services":{"database":"connected"}}' },
      /status is "degraded" instead of "healthy"/,
    ],
    ['another type', { body: '{"status":true}' }, /status is true instead of "healthy"/],
    ['an absent path', { body: '{"status":"healthy"}' }, /services\.database is absent/],
    ['an empty document', { body: 'null' }, /status is absent/],
  ];
  it.each(wrong)('fails %s', (_name, changes, reason) => {
    expect(checkSample(contract, answer(changes))).toMatchObject({
      ok: false,
      answered: true,
      reason: expect.stringMatching(reason),
    });
  });

  it('names the dependency that is down', () => {
    const body = JSON.stringify({
      status: 'unhealthy',
      services: { database: 'disconnected', openai: 'available', auth: { status: 'down' } },
    });
    expect(checkSample(contract, answer({ status: 503, body }))).toEqual({
      ok: false,
      answered: true,
      dependencies: ['database', 'auth'],
      reason: 'status 503 instead of 200; it reports as not working: database, auth',
    });
  });

  it('tells never answered from answered wrong', () => {
    expect(checkSample(contract, { answered: false, reason: 'connection refused' })).toEqual({
      ok: false,
      answered: false,
      dependencies: [],
      reason: 'no answer: connection refused',
    });
  });

  it('fails another release and an absent one', () => {
    const expecting = { ...contract, release: 'r3' };
    expect(checkSample(expecting, answer())).toMatchObject({ reason: 'X-Release is "r2" instead of "r3"' });
    expect(checkSample(expecting, answer({ release: null }))).toMatchObject({
      reason: 'X-Release is absent instead of "r3"',
    });
  });

  it('does not quote a long foreign value in full', () => {
    const check = checkSample(contract, answer({ body: JSON.stringify({ status: 'x'.repeat(10_000) }) }));
    expect(JSON.stringify(check).length).toBeLessThan(400);
  });
});

describe('at', () => {
  it('walks own properties only', () => {
    expect(at({ a: [{ b: null }] }, 'a.0.b')).toBeNull();
    expect(at({}, 'constructor')).toBeUndefined();
    expect(at({}, '__proto__.polluted')).toBeUndefined();
    expect(at('text', 'length')).toBeUndefined();
  });
});
