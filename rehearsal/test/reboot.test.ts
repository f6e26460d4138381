import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { expectCode } from './expect.ts';
import { must } from './process.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

/** Waits until the site answers with 200 again; gives the seconds. */
async function answers(limitSeconds: number): Promise<number> {
  const began = performance.now();
  while (performance.now() - began < limitSeconds * 1000) {
    const status = await stage.get('/health').then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return (performance.now() - began) / 1000;
    await sleep(500);
  }
  throw new Error(`the site did not answer within ${String(limitSeconds)} s after the reboot`);
}

describe('after a reboot of the host', () => {
  it('exactly the live colour and the edge serve, by themselves, and a rollback works', async () => {
    const old = await stage.running('v1');
    const live = await stage.running('v2');
    const { running } = await stage.status();
    await must('docker', ['restart', '-t', '30', stage.facts.vps.container]);
    const seconds = await answers(120);
    expect((await stage.get('/health')).release).toBe(live.releaseId);

    // Whatever else would start does so within this time: Docker starts all that it starts at once.
    await sleep(3000);
    const up = await stage.vpsShell(
      'docker ps --format \'{{.Names}} {{.Label "delivery.colour"}} {{.Label "delivery.release"}}\' | sort',
    );
    expect(
      up
        .trim()
        .split('\n')
        .map((line) => line.trim())
        // What no release touches stays from one test file to the next, and comes up as well.
        .filter((line) => !line.startsWith('fixture-backing-')),
    ).toEqual(['edge', `web ${running?.colour ?? ''} ${live.releaseId}`].sort());
    const status = await stage.status();
    expect(status.running?.release).toBe(live.releaseId);
    expect(status.operation).toBeNull();

    const back = await stage.rollback();
    expectCode(back, 0);
    expect((await stage.get('/health')).release).toBe(old.releaseId);
    console.log(
      `after a reboot the site answered in ${seconds.toFixed(1)} s, a rollback took ${String(Math.round(back.wallMs))} ms`,
    );
  }, 600_000);
});
