import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  ContractError,
  ENVELOPE_MAX_BYTES,
  formatEvent,
  idleColour,
  makeReleaseId,
  parseEnvelope,
  parseEventLine,
  parseManifest,
  parseStatus,
  RELEASE_ID,
  type Event,
} from '@delivery/release';
import { ledgerOf, manifest } from './builders.ts';

const CANARY = 'canary-3f9a';

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ContractError);
    return (error as ContractError).message;
  }
  throw new Error('nothing was thrown');
}

describe('parseManifest', () => {
  const parse =
    (overrides: object): (() => unknown) =>
    () =>
      parseManifest(JSON.stringify({ ...manifest(), ...overrides }));

  it('gives back what was written', () => {
    expect(parseManifest(JSON.stringify(manifest()))).toEqual(manifest());
  });

  it.each([
    ['format', { format: 2 }],
    ['app', { app: 'Shop' }],
    ['release', { release: '../x' }],
    ['commit', { commit: 'main' }],
    ['created', { created: 'yesterday' }],
    ['version', { version: 'a\nb' }],
    ['services.web.image', { services: { web: { role: 'web', image: 'shop:latest', platforms: [] } } }],
    [
      'services.web.role',
      { services: { web: { role: 'edge', image: manifest().services['web']!.image, platforms: [] } } },
    ],
    ['routes.0.host', { routes: [{ service: 'web', host: 'a`b', path: '/', port: 1 }] }],
    ['routes.0.path', { routes: [{ service: 'web', host: 'a', path: '/{{x', port: 1 }] }],
    ['routes.0.port', { routes: [{ service: 'web', host: 'a', path: '/', port: 0 }] }],
    ['routes.0.service: "db" is no web service', { routes: [{ service: 'db', host: 'a', path: '/', port: 1 }] }],
    ['health.web: is missing', { health: {} }],
    ['health.db', { health: { ...manifest().health, db: manifest().health['web'] } }],
    ['secrets.0', { secrets: ['lower'] }],
    ['files.compose.yaml: is missing', { files: {} }],
    ['files', { files: { ...manifest().files, 'files/../../etc/x': manifest().files['compose.yaml'] } }],
    ['files', { files: { ...manifest().files, '/etc/x': manifest().files['compose.yaml'] } }],
    ['unknown key "extra"', { extra: 1 }],
    ['agent.minimum', { agent: { minimum: 'v1' } }],
  ])('refuses a wrong %s by name', (field, overrides) => {
    expect(messageOf(parse(overrides))).toContain(`manifest: ${field}`);
  });

  it('refuses what is missing', () => {
    const { app: _, ...rest } = manifest();
    expect(messageOf(() => parseManifest(JSON.stringify(rest)))).toBe('manifest: app: is missing');
    expect(messageOf(() => parseManifest('{"format":1'))).toBe('manifest: not valid JSON (11 bytes)');
  });
});

describe('parseEnvelope', () => {
  const envelope = {
    format: 1,
    operation: 'op-1',
    repository: 'registry.test:5000/shop/release',
    registry: { host: 'registry.test:5000', username: 'u', password: CANARY },
    secrets: { APP_KEY: CANARY },
    options: { lockWaitSeconds: 60 },
    actor: 'someone',
    run: 'https://ci.example/1',
  };
  const parse = (overrides: object) => parseEnvelope(JSON.stringify({ ...envelope, ...overrides }));

  const BAKE = {
    bakeMinimumSamples: 50,
    bakeErrorRatio: 0.02,
    bakeLatencyFactor: 3,
    bakeLatencyFloorMs: 250,
    bakeFailedProbes: 5,
  };

  it('fills defaults', () => {
    expect(parseEnvelope('{"format":1,"operation":"x"}')).toEqual({
      format: 1,
      operation: 'x',
      registry: null,
      secrets: {},
      options: { lockWaitSeconds: 0, bakeSeconds: 0, ...BAKE },
      actor: '',
      run: '',
    });
    expect(parse({})).toEqual({ ...envelope, options: { lockWaitSeconds: 60, bakeSeconds: 0, ...BAKE } });
  });

  it.each([
    ['format', { format: 2 }],
    ['operation', { operation: '../x' }],
    ['repository', { repository: `registry.test/${CANARY}:tag@x` }],
    ['registry.host', { registry: { ...envelope.registry, host: `https://${CANARY}/` } }],
    ['registry.password', { registry: { host: 'h', username: 'u', password: '' } }],
    ['registry: unknown key "token"', { registry: { ...envelope.registry, token: CANARY } }],
    ['registry', { registry: CANARY }],
    ['secrets.app_key: this name', { secrets: { app_key: CANARY } }],
    ...[
      'COMPOSE_PROFILES',
      'DOCKER_HOST',
      'LD_PRELOAD',
      'PATH',
      'HOME',
      'NODE_OPTIONS',
      'RELEASE_ID',
      'RELEASE_VERSION',
    ].map((name): [string, object] => [`secrets.${name}: this name is reserved`, { secrets: { [name]: CANARY } }]),
    ['secrets.APP_KEY', { secrets: { APP_KEY: `${CANARY}\0` } }],
    ['secrets.APP_KEY', { secrets: { APP_KEY: `${CANARY}\ud800` } }],
    ['secrets.APP_KEY', { secrets: { APP_KEY: [CANARY] } }],
    ['options.lockWaitSeconds', { options: { lockWaitSeconds: 3601 } }],
    ['options: unknown key "force"', { options: { force: true } }],
    ['actor', { actor: 'a\nb' }],
    ['unknown key "extra"', { extra: CANARY }],
  ])('names %s and never a value', (field, overrides) => {
    const message = messageOf(() => parse(overrides));
    expect(message).toContain(`envelope: ${field}`);
    expect(message).not.toContain(CANARY);
  });

  it('takes names that only begin or end like a reserved one', () => {
    const secrets = { PATH_TO: 'a', MY_HOME: 'b', COMPOSER_TOKEN: 'c', RELEASE_IDS: 'd' };
    expect(parse({ secrets }).secrets).toEqual(secrets);
  });

  it('does not quote text that is no JSON', () => {
    expect(messageOf(() => parseEnvelope(`{"secrets": {"A": "${CANARY}" oops`))).not.toContain(CANARY);
  });

  it('is capped at 1 MiB of UTF-8', () => {
    const fill = (size: number): string => {
      const empty = JSON.stringify({ ...envelope, secrets: { A: '' } });
      return empty.replace('"A":""', `"A":"${'x'.repeat(size - Buffer.byteLength(empty))}"`);
    };
    expect(parseEnvelope(fill(ENVELOPE_MAX_BYTES)).operation).toBe('op-1');
    expect(messageOf(() => parseEnvelope(fill(ENVELOPE_MAX_BYTES + 1)))).toContain('1048577 bytes, at most 1048576');
    expect(messageOf(() => parseEnvelope('é'.repeat(ENVELOPE_MAX_BYTES / 2 + 1)))).toContain('at most');
  });
});

describe('events', () => {
  const common = { v: 1, t: '2026-01-01T00:00:00Z', op: 'op-1' } as const;
  const result: Event = {
    ...common,
    event: 'result',
    outcome: 'deployed',
    running: { release: 'r2', digest: manifest().files['compose.yaml']!, colour: 'green' },
    previous: null,
    timings: { switchedMs: 5, totalMs: 10 },
    receipt: { requests: 100, failures: 0, cut: 0, p50Ms: 1, p95Ms: 2, p99Ms: 3 },
    error: null,
  };

  it('come back from their line, whatever the message holds', () => {
    expect(parseEventLine(formatEvent(result))).toEqual(result);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (message) => {
        const event: Event = { ...common, event: 'log', level: 'info', message };
        const line = formatEvent(event);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(parseEventLine(line)).toEqual(event);
      }),
    );
  });

  it('are null for anything else', () => {
    const step = { ...common, event: 'step', step: 'gate', status: 'ok' };
    expect(parseEventLine(JSON.stringify(step))).not.toBeNull();
    for (const line of [
      '',
      'Welcome',
      '{}',
      '{"v":1',
      'null',
      '[]',
      JSON.stringify({ ...step, v: 2 }),
      JSON.stringify({ ...step, step: 'dance' }),
      JSON.stringify({ ...step, t: 'now' }),
    ]) {
      expect(parseEventLine(line)).toBeNull();
    }
  });

  it('of a newer agent lose only the keys that are new', () => {
    expect(parseEventLine(`${JSON.stringify({ ...result, canary: 1 })}\r\n`)).toEqual(result);
    expect(parseEventLine(JSON.stringify({ ...result, host: { running: 'of a later version' } }))).toEqual(result);
  });
});

describe('parseStatus', () => {
  const status = {
    v: 1,
    app: 'shop',
    running: null,
    previous: null,
    operation: null,
    ledger: ledgerOf({}),
    receipt: null,
  };

  it('reads a status, also one with keys that are new', () => {
    expect(parseStatus(JSON.stringify({ ...status, disk: 1 }))).toEqual(status);
  });

  it('refuses what is none', () => {
    expect(() => parseStatus(JSON.stringify({ ...status, running: { release: 'r1' } }))).toThrow(
      'status: running.digest: is missing',
    );
  });
});

describe('ids', () => {
  it('a release id is the UTC second and the short commit', () => {
    expect(makeReleaseId(new Date('2026-03-04T05:06:07.890Z'), 'abcdef0123456789')).toBe('20260304T050607Z-abcdef0');
  });

  it('refuses what is no commit and no date', () => {
    for (const commit of ['', 'main', 'abcdef', 'ABCDEF0', 'abcdef0;x'])
      expect(() => makeReleaseId(new Date(0), commit)).toThrow(ContractError);
    expect(() => makeReleaseId(new Date(Number.NaN), 'abcdef0')).toThrow(ContractError);
  });

  it('release ids sort by time', () => {
    const dates = fc.date({ min: new Date('2020-01-01'), max: new Date('2090-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(dates, dates, (a, b) => {
        fc.pre(Math.floor(a.getTime() / 1000) < Math.floor(b.getTime() / 1000));
        const [first, second] = [makeReleaseId(a, 'fffffff'), makeReleaseId(b, '0000000')];
        expect(first < second).toBe(true);
        expect(first).toMatch(RELEASE_ID);
      }),
    );
  });

  it('the idle colour is the other one, blue at first', () => {
    expect([idleColour(null), idleColour('blue'), idleColour('green')]).toEqual(['blue', 'green', 'blue']);
  });
});
