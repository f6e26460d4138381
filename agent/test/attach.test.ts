import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parseEnvelope } from '@delivery/release';
import { attach } from '../src/attach.ts';
import { Events } from '../src/events.ts';
import { Lock } from '../src/lock.ts';
import { operate } from '../src/operation.ts';
import type { Paths } from '../src/paths.ts';
import { newHost } from './host.ts';

let root: string;
let paths: Paths;
let lines: string[];
beforeEach(() => {
  ({ root, paths } = newHost());
  lines = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

describe('attach', () => {
  it('follows an operation that waits for the lock of another one', async () => {
    const owner = { operation: 'op-A', actor: '', run: '', verb: 'deploy', startedAt: '', phase: 'working' } as const;
    expect(await Lock.take(paths, owner, 0, () => undefined)).toBeInstanceOf(Lock);
    const envelope = parseEnvelope('{"format":1,"operation":"op-B","options":{"lockWaitSeconds":2}}');
    const waiting = operate('shop', 'deploy', paths, envelope, () => Promise.resolve());
    const attached = attach(paths, 'op-B');
    const early = await Promise.race([attached, new Promise((resolve) => setTimeout(resolve, 700, 'following'))]);
    expect(early).toBe('following');
    expect(await waiting).toBe(75);
    expect(await attached).toBe(75);
    expect(lines.join('')).not.toContain('agent_died');
  }, 15_000);

  it('tells that an operation died where nobody holds its run file', async () => {
    const head = '{"v":1,"t":"2026-01-01T00:00:00Z","op":"op-C"';
    writeFileSync(join(paths.runs, 'op-C.jsonl'), `${head},"event":"step","step":"plan","status":"start"}\n`);
    expect(await attach(paths, 'op-C')).toBe(1);
    expect(lines.at(-1)).toContain('agent_died');
    const events = new Events(paths.runs, 'op-D', []);
    events.close();
    expect(await attach(paths, 'op-D')).toBe(1);
  });
});
