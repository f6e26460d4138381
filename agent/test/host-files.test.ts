import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseEventLine, parseLedger } from '@delivery/release';
import { Events } from '../src/events.ts';
import { holder, Lock } from '../src/lock.ts';
import type { Owner } from '../src/lock.ts';
import { hostPaths } from '../src/paths.ts';
import type { Paths } from '../src/paths.ts';
import { appendLedger, keepSecrets, placeSecrets, restoreSecrets } from '../src/steps/record.ts';
import { restoreRoute } from '../src/steps/route.ts';

let root: string;
let paths: Paths;
const owner = (operation: string, phase: Owner['phase'] = 'working'): Owner => ({
  operation,
  actor: 'ann',
  run: '',
  verb: 'deploy',
  startedAt: '2026-01-01T00:00:00.000Z',
  phase,
});

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'agent-'));
  paths = hostPaths('shop', root);
  mkdirSync(paths.app, { recursive: true });
  mkdirSync(paths.dynamic, { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('lock', () => {
  it('is held by one, names its holder, and is never unlinked', async () => {
    expect(await holder(paths)).toBeNull();
    const first = await Lock.take(paths, owner('op-1'), 0, () => undefined);
    expect(first).toBeInstanceOf(Lock);
    expect((await holder(paths))?.operation).toBe('op-1');
    const second = await Lock.take(paths, owner('op-2'), 0, () => undefined);
    expect(second).toEqual({ busy: owner('op-1') });
    (first as Lock).release();
    expect(readdirSync(paths.app)).toContain('lock');
  });

  it('goes with the process that holds it, however that ends, and a waiter gets it', async () => {
    writeFileSync(paths.lock, '');
    const other = spawn('flock', ['-n', paths.lock, 'sleep', '30'], { stdio: 'ignore', detached: true });
    await new Promise((resolve) => setTimeout(resolve, 200));
    writeFileSync(paths.owner, JSON.stringify(owner('op-other')));
    let waitedFor: string | undefined;
    const waiting = Lock.take(paths, owner('op-3'), 10, (found) => (waitedFor = found?.operation));
    await new Promise((resolve) => setTimeout(resolve, 400));
    process.kill(-(other.pid ?? 0), 'SIGKILL');
    await once(other, 'exit');
    const taken = await waiting;
    expect(taken).toBeInstanceOf(Lock);
    expect(waitedFor).toBe('op-other');
    (taken as Lock).release();
  });
});

describe('ledger file', () => {
  const entry = {
    t: '2026-01-01T00:00:00.000Z',
    verb: 'deploy',
    outcome: 'refused',
    release: null,
    digest: null,
    colour: null,
    previous: null,
    generation: 0,
    actor: '',
    run: '',
    operation: 'op',
    secrets: {},
    durationMs: 1,
  } as const;

  it('grows by whole lines, and a torn last line is cut off', () => {
    expect(appendLedger(paths, entry).seq).toBe(1);
    appendFileSync(paths.ledger, '{"v":1,"seq":2,"t":"2026');
    expect(appendLedger(paths, entry).seq).toBe(2);
    expect(parseLedger(readFileSync(paths.ledger, 'utf8'))).toHaveLength(2);
  });
});

describe('secrets on the host', () => {
  it('are those of the deploy once it is confirmed, those of before when it is off; always 0600', () => {
    writeFileSync(paths.env, 'A=1\n', { mode: 0o600 });
    placeSecrets(paths, 'A=2\n');
    expect(readFileSync(paths.env, 'utf8')).toBe('A=2\n');
    expect(statSync(paths.env).mode & 0o777).toBe(0o600);
    expect(statSync(paths.envBefore).mode & 0o777).toBe(0o600);
    restoreSecrets(paths);
    expect(readFileSync(paths.env, 'utf8')).toBe('A=1\n');
    placeSecrets(paths, 'A=3\n');
    keepSecrets(paths);
    restoreSecrets(paths);
    expect(readFileSync(paths.env, 'utf8')).toBe('A=3\n');
  });
});

describe('route file', () => {
  it('is put back as it was, and is gone where there was none', () => {
    restoreRoute({ paths }, 'http: {}\n');
    expect(readFileSync(paths.route, 'utf8')).toBe('http: {}\n');
    expect(readdirSync(paths.dynamic)).toEqual(['shop.yaml']);
    restoreRoute({ paths }, null);
    expect(readdirSync(paths.dynamic)).toEqual([]);
  });
});

describe('run file', () => {
  it('has every line, masked, also those after the result, and forgets runs beyond the last fifty', async () => {
    mkdirSync(paths.runs, { recursive: true });
    for (let index = 0; index < 60; index += 1) writeFileSync(join(paths.runs, `old-${String(index)}.jsonl`), '');
    const events = new Events(paths.runs, 'op-9', ['s3cret-value']);
    await events.step('plan', (note) => note('the s3cret-value is out'));
    await expect(events.step('pull', () => Promise.reject(new Error('with s3cret-value')))).rejects.toMatchObject({
      step: 'pull',
      code: 'internal',
    });
    events.result({
      outcome: 'failed',
      running: null,
      previous: null,
      timings: { totalMs: 1 },
      receipt: null,
      error: null,
    });
    await events.step('drain', () => undefined);
    events.close();
    const text = readFileSync(join(paths.runs, 'op-9.jsonl'), 'utf8');
    expect(text).not.toContain('s3cret');
    const lines = text.trimEnd().split('\n').map(parseEventLine);
    expect(lines.every((line) => line !== null)).toBe(true);
    expect(lines.map((line) => line?.event)).toEqual(['step', 'step', 'step', 'step', 'result', 'step', 'step']);
    expect(readdirSync(paths.runs)).toHaveLength(50);
    expect(() => new Events(paths.runs, 'op-9', [])).toThrow(/EEXIST/);
  });
});
