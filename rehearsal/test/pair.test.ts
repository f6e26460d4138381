import { describe, expect, it } from '@jest/globals';
import type { Report } from '../load/report.ts';
import { expectCode } from './expect.ts';
import { Stage } from './stage.ts';

/** How many deploys and as many rollbacks: 5 in the gate, 50 in the full run. */
const ROUNDS = Number(process.env['PAIR_ROUNDS'] ?? '5');
/** Rounds under one load: the generator runs for at most 15 minutes at a time. */
const CHUNK = 5;
const RATE = 200;

const stage = Stage.open();

/** Each round deploys the second release over the first and goes back to the first. */
async function rounds(from: number, to: number, newer: string): Promise<Report> {
  const load = await stage.load('mixed', { rate: String(RATE), seconds: '900', 'slow-seconds': '4' });
  try {
    for (let round = from; round < to; round++) {
      const there = await stage.deployRelease(newer, { 'lock-wait-seconds': '120' });
      expectCode(there, 0);
      expect(there.outputs['outcome']).toBe('deployed');
      const back = await stage.rollback({ 'lock-wait-seconds': '120' });
      expectCode(back, 0);
      expect(back.outputs['outcome']).toBe('rolled_back');
    }
  } catch (error) {
    await load.stop();
    throw error;
  }
  return load.stop();
}

describe('two replicas in each colour', () => {
  it(
    `loses nothing of ${String(RATE)} requests a second over ${String(ROUNDS)} deploys and as many rollbacks`,
    async () => {
      await stage.provisioned();
      const [first, second] = [await stage.builtPair('one'), await stage.builtPair('two')];
      expectCode(await stage.deployRelease(first.release, { 'lock-wait-seconds': '120' }), 0);
      const reports: Report[] = [];
      for (let done = 0; done < ROUNDS; done += CHUNK) {
        const report = await rounds(done, Math.min(done + CHUNK, ROUNDS), second.release);
        reports.push(report);
        expect({ failures: report.failures, byCause: report.byCause, first: report.firstFailures }).toEqual({
          failures: 0,
          byCause: {},
          first: [],
        });
        expect(report.posts.countedTwice).toBe(0);
        for (const kind of ['get', 'get-fresh', 'post', 'http2', 'upload', 'websocket', 'stream', 'slow'])
          expect(report.byKind[kind]?.requests ?? 0).toBeGreaterThan(0);
      }
      const requests = reports.reduce((sum, report) => sum + report.requests, 0);
      const sent = Math.min(...reports.map((report) => report.sentRate));
      console.log(
        `${String(ROUNDS)} deploys and ${String(ROUNDS)} rollbacks, two replicas: 0 of ${String(requests)} requests failed, at least ${String(sent)} a second were sent`,
      );
      // A generator that did not keep up would have seen less than it says.
      expect(sent).toBeGreaterThan(RATE * 0.9);
    },
    600_000 + ROUNDS * 60_000,
  );

  it('shows both replicas under the plain service name and sends visitors to each', async () => {
    const first = await stage.builtPair('one');
    expect((await stage.status()).running?.release).toBe(first.releaseId);
    expect(await stage.vpsShell('docker inspect -f "{{.State.Running}}" web web-2')).toBe('true\ntrue\n');
    const load = await stage.load('get', { rate: '50' });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const before = await counts();
    await load.stop();
    expect(before.every((count) => count > 0)).toBe(true);
  }, 120_000);
});

/** Connections that the edge holds to each replica of the live colour. */
async function counts(): Promise<number[]> {
  const addresses = await stage.vpsShell(
    `docker inspect -f '{{(index .NetworkSettings.Networks "edge").IPAddress}}' web web-2`,
  );
  const table = await stage.vpsShell(
    'nsenter -t "$(docker inspect -f "{{.State.Pid}}" edge)" -n ss -Htn state established',
  );
  return addresses
    .trim()
    .split('\n')
    .map(
      (address) =>
        table.split('\n').filter((line) => line.includes(`${address}]:3000`) || line.includes(`${address}:3000`))
          .length,
    );
}
