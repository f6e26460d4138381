import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startLoad } from '../load/run.ts';
import { makeTarget } from '../load/target.ts';
import { freePort } from '../standins/mirror.ts';
import { ROOT } from './action.ts';

/** The generator is the judge of "nothing dropped", so it is tested for what it must not miss. */
let children: ChildProcess[] = [];

async function serve(port: number, version: string): Promise<ChildProcess> {
  const env = { ...process.env, PORT: String(port), BOOT_SECONDS: '0', VERSION: version };
  const child = spawn(process.execPath, [`${ROOT}/rehearsal/fixture/server.ts`], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await new Promise<void>((resolve) =>
    child.stdout.on('data', (text: Buffer) => text.includes('listening') && resolve()),
  );
  return child;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
});

describe('the load generator', () => {
  it('sends only to this machine', () => {
    expect(() => makeTarget('https://example.org', undefined, undefined)).toThrow('127.0.0.1:PORT');
    expect(() => makeTarget('https://example.org', '10.0.0.1:443', undefined)).toThrow('127.0.0.1:PORT');
  });

  it('finds nothing wrong with a sound server, over all kinds', async () => {
    const port = await freePort();
    await serve(port, 'one');
    const load = startLoad({
      target: makeTarget('http://fixture.test', `127.0.0.1:${String(port)}`, undefined),
      rate: 100,
      seconds: 3,
      mix: 'mixed',
      slowSeconds: 1,
      streamSeconds: 1,
      socketSeconds: 1,
    });
    const report = await load.done;
    expect(report.failures).toBe(0);
    expect(report.posts.acknowledged).toBe(report.byKind['post']?.requests);
    expect(report.sentRate).toBeGreaterThan(95);
  }, 20_000);

  it('counts each request of an outage as one failure and tells the releases apart', async () => {
    const port = await freePort();
    const first = await serve(port, 'one');
    const load = startLoad({
      target: makeTarget('http://fixture.test', `127.0.0.1:${String(port)}`, undefined),
      rate: 100,
      seconds: 6,
      mix: 'get',
    });
    await pause(1500);
    first.kill('SIGKILL');
    await pause(1500);
    await serve(port, 'two');
    const report = await load.done;
    // One second and a half at 100 a second, plus the new server's start.
    expect(report.failures).toBeGreaterThan(140);
    expect(report.failures).toBeLessThan(400);
    expect(report.requests).toBe(600);
    expect(report.switches.map((seen) => seen.release)).toEqual(['one', 'two']);
    expect(report.firstFailures.length).toBeGreaterThan(0);
  }, 20_000);

  it('charges a stalled server for every request that was due meanwhile', async () => {
    const port = await freePort();
    const server = await serve(port, 'one');
    const load = startLoad({
      target: makeTarget('http://fixture.test', `127.0.0.1:${String(port)}`, undefined),
      rate: 100,
      seconds: 4,
      mix: 'get',
    });
    await pause(1500);
    server.kill('SIGSTOP');
    await pause(1000);
    server.kill('SIGCONT');
    const report = await load.done;
    expect(report.failures).toBe(0);
    // A quarter of all requests was due in that second; a closed loop would have seen one slow answer only.
    expect(report.p95).toBeGreaterThan(500);
  }, 20_000);

  it('sees a cut WebSocket and a cut stream', async () => {
    const port = await freePort();
    const server = await serve(port, 'one');
    const load = startLoad({
      target: makeTarget('http://fixture.test', `127.0.0.1:${String(port)}`, undefined),
      rate: 5,
      seconds: 4,
      mix: 'mixed',
      slowSeconds: 3,
      streamSeconds: 4,
      socketSeconds: 10,
    });
    await pause(1500);
    server.kill('SIGKILL');
    const report = await load.done;
    for (const kind of ['websocket', 'stream', 'slow']) expect(report.byKind[kind]?.failures ?? 0).toBeGreaterThan(0);
  }, 30_000);
});
