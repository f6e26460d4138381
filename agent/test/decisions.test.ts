import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Manifest, Route } from '@delivery/release';
import type { Container } from '../src/container.ts';
import { unframe } from '../src/container.ts';
import { decideOutcome } from '../src/operation.ts';
import { availableMemory, roomForWarm } from '../src/retire.ts';
import { restartPolicies } from '../src/workers.ts';
import { questionFor, routesToConfirm } from '../src/steps/confirm.ts';
import { deadlineMs, trouble } from '../src/steps/gate.ts';
import { pullError } from '../src/steps/pull-error.ts';
import { verifyRelease } from '../src/steps/verify.ts';
import { converge, nextGeneration } from '../src/truth.ts';
import { olderThan } from '../src/version.ts';

const route = { generation: 7, release: 'r7', colour: 'green' } as const;

describe('convergence after an operation that died', () => {
  it('has nothing to do where route file and ledger agree, or nothing is routed', () => {
    expect(converge(null, null, false)).toEqual({ action: 'none' });
    expect(converge(route, { generation: 7, release: 'r7' }, false)).toEqual({ action: 'none' });
  });

  it('adopts a switch that was not recorded and answers', () => {
    expect(converge(route, { generation: 6, release: 'r6' }, true)).toEqual({ action: 'adopt', route });
    expect(converge(route, null, true)).toEqual({ action: 'adopt', route });
  });

  it('takes back a switch that does not answer', () => {
    expect(converge(route, { generation: 6, release: 'r6' }, false)).toEqual({ action: 'restore' });
    expect(converge(route, null, false)).toEqual({ action: 'restore' });
  });

  it('believes an older route file over a newer ledger: it is what visitors get', () => {
    expect(converge(route, { generation: 9, release: 'r9' }, false)).toEqual({ action: 'adopt', route });
  });

  it('numbers the next route above everything used before', () => {
    expect(nextGeneration({ route: null, ledger: [], tried: 0 })).toBe(1);
    expect(nextGeneration({ route: { ...route }, ledger: [], tried: 0 })).toBe(8);
    expect(nextGeneration({ route: null, ledger: [{ generation: 12 }, { generation: 3 }] as never, tried: 0 })).toBe(
      13,
    );
    expect(nextGeneration({ route: { ...route }, ledger: [], tried: 20 })).toBe(21);
  });
});

describe('outcome', () => {
  const error = { step: 'gate', code: 'crashed', message: '' } as const;

  it('is refused while nothing was touched and failed once something was', () => {
    expect(decideOutcome('deploy', { outcome: null, migrated: false, switched: false }, error)).toBe('refused');
    expect(decideOutcome('deploy', { outcome: null, migrated: true, switched: false }, error)).toBe('failed');
    expect(
      decideOutcome('deploy', { outcome: null, migrated: false, switched: false }, { ...error, step: 'confirm' }),
    ).toBe('failed');
    expect(
      decideOutcome('rollback', { outcome: null, migrated: false, switched: true }, { ...error, step: 'drain' }),
    ).toBe('failed');
  });

  it('is what was meant where nothing went wrong', () => {
    expect(decideOutcome('deploy', { outcome: null, migrated: false, switched: true }, null)).toBe('deployed');
    expect(decideOutcome('rollback', { outcome: null, migrated: false, switched: true }, null)).toBe('rolled_back');
    expect(decideOutcome('deploy', { outcome: 'unchanged', migrated: false, switched: false }, null)).toBe('unchanged');
  });
});

describe('the deadline of a gate', () => {
  const started = { running: true, startedAt: '2026-01-01T00:00:00.000Z' };
  const at = (ms: number): number => Date.parse(started.startedAt) + ms;

  it('counts from the start of a container that was just started', () => {
    expect(deadlineMs(10, started, at(800))).toBe(9200);
    expect(deadlineMs(10, started, at(-5000))).toBe(10_000);
  });

  it('is whole for one that ran before, that ended, or whose start is not known', () => {
    expect(deadlineMs(10, null, at(800))).toBe(10_000);
    expect(deadlineMs(10, { ...started, running: false }, at(800))).toBe(10_000);
    expect(deadlineMs(10, { ...started, startedAt: '' }, at(800))).toBe(10_000);
  });

  it('leaves at least half, however long the container has run', () => {
    expect(deadlineMs(10, started, at(3_600_000))).toBe(5000);
  });
});

describe('trouble of a container', () => {
  const sound = {
    running: true,
    restarting: false,
    restartCount: 0,
    startedAt: 't1',
    exitCode: 0,
    oomKilled: false,
  } as Container;
  const fresh = { restartCount: 0, startedAt: null };

  it('is none while it runs', () => {
    expect(trouble(sound, fresh)).toBeNull();
    expect(trouble({ ...sound, restartCount: 4 }, { restartCount: 4, startedAt: 't1' })).toBeNull();
  });

  it('is named', () => {
    expect(trouble(null, fresh)).toMatch(/removed/);
    expect(trouble({ ...sound, running: false, exitCode: 3 }, fresh)).toMatch(/exit code 3/);
    expect(trouble({ ...sound, restarting: true, exitCode: 1 }, fresh)).toMatch(/exit code 1/);
    expect(trouble({ ...sound, restartCount: 2 }, fresh)).toMatch(/restarted 2 times/);
    expect(trouble({ ...sound, oomKilled: true }, fresh)).toMatch(/memory/);
    expect(trouble(sound, { restartCount: 0, startedAt: 't0' })).toMatch(/anew/);
  });
});

describe('what is asked on the public path', () => {
  const manifest = { health: { web: { path: '/api/health', status: 200 } } } as unknown as Manifest;
  const at = (path: string, service = 'web', host = 'a.test'): Route => ({ service, host, path, port: 80 });

  it('is the health path where the route leads to it', () => {
    expect(questionFor(at('/'), manifest)).toEqual({ path: '/api/health', status: 200 });
    expect(questionFor(at('/api'), manifest)).toEqual({ path: '/api/health', status: 200 });
    expect(questionFor(at('/ap'), manifest)).toEqual({ path: '/ap', status: null });
    expect(questionFor(at('/shop'), manifest)).toEqual({ path: '/shop', status: null });
  });

  it('is one route for each service and host', () => {
    const routes = [at('/'), at('/x'), at('/', 'api'), at('/', 'web', 'b.test')];
    expect(routesToConfirm({ routes } as Manifest)).toEqual([routes[0], routes[2], routes[3]]);
  });
});

describe('a verified release', () => {
  const compose = Buffer.from('services: {}\n');
  const hash = `sha256:${createHash('sha256').update(compose).digest('hex')}`;
  const manifest = {
    files: { 'compose.yaml': hash },
    services: { web: { platforms: ['linux/amd64'] } },
  } as unknown as Manifest;

  it('holds what its manifest names, for this host', () => {
    expect(() => verifyRelease(manifest, new Map([['compose.yaml', compose]]), 'linux/amd64')).not.toThrow();
  });

  it('is refused for a changed, a missing or an unnamed file and for another platform', () => {
    expect(() => verifyRelease(manifest, new Map([['compose.yaml', Buffer.from('x')]]), 'linux/amd64')).toThrow(
      /compose\.yaml: is sha256/,
    );
    expect(() => verifyRelease(manifest, new Map(), 'linux/amd64')).toThrow(/not in the image/);
    expect(() =>
      verifyRelease(
        manifest,
        new Map([
          ['compose.yaml', compose],
          ['files/x', compose],
        ]),
        'linux/amd64',
      ),
    ).toThrow(/files\/x: in the image/);
    expect(() => verifyRelease(manifest, new Map([['compose.yaml', compose]]), 'linux/arm64')).toThrow(
      /service web: its image is for linux\/amd64/,
    );
  });
});

describe('smaller decisions', () => {
  it('sorts the errors of a pull', () => {
    expect(pullError('r@d', new Error('write /var: no space left on device')).code).toBe('disk_full');
    expect(pullError('r@d', new Error('unauthorized: authentication required')).code).toBe('registry_denied');
    expect(pullError('r@d', new Error('manifest unknown')).code).toBe('not_in_registry');
    expect(pullError('r@d', new Error('dial tcp: i/o timeout')).code).toBe('pull');
  });

  it('keeps the old colour warm only with room to spare', () => {
    expect(availableMemory('MemTotal: 9 kB\nMemAvailable:    2048 kB\n')).toBe(2048 * 1024);
    expect(availableMemory('')).toBe(0);
    expect(roomForWarm(200, 100)).toBe(true);
    expect(roomForWarm(199, 100)).toBe(false);
  });

  it('compares versions by number', () => {
    expect(olderThan('0.9.0', '0.10.0')).toBe(true);
    expect(olderThan('1.0.0', '1.0.0')).toBe(false);
    expect(olderThan('1.0.1', '1.0.0')).toBe(false);
  });

  it('reads restart policies of a rendered project', () => {
    expect([...restartPolicies('services: {web-1: {restart: unless-stopped}, once: {}}')]).toEqual([
      ['web-1', 'unless-stopped'],
      ['once', 'no'],
    ]);
  });

  it('takes the frames out of a log stream', () => {
    const frame = (kind: number, text: string): Buffer =>
      Buffer.concat([Buffer.from([kind, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);
    expect(unframe(Buffer.concat([frame(1, 'out\n'), frame(2, 'err\n')]))).toBe('out\nerr\n');
    expect(unframe(Buffer.from('a plain terminal stream\n'))).toBe('a plain terminal stream\n');
  });
});
