import { describe, expect, it } from '@jest/globals';
import { expectCode, expectNoDrop } from './expect.ts';
import { Stage } from './stage.ts';
import type { Status, Variant } from './stage.ts';

const stage = Stage.open();

/** Starts a deploy and kills the action's process as soon as its log shows `step`. */
async function killAt(variant: Variant, step: string, env: Record<string, string> = {}): Promise<void> {
  let seen: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => (seen = resolve));
  let log = '';
  const started = await stage.startDeploy(
    variant,
    {},
    {
      env,
      onOutput: (text) => {
        log += text;
        if (log.includes(`::group::${step}`)) seen();
      },
    },
  );
  await Promise.race([reached, started.ended]);
  await started.kill();
  const ran = await started.ended;
  if (ran.code === 0) throw new Error(`the action was over before it could be killed at "${step}"\n${ran.log}`);
}

async function settled(): Promise<Status> {
  for (let n = 0; n < 90; n++) {
    const status = await stage.status();
    if (status.operation === null) return status;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error('the operation never ended');
}

describe('a job', () => {
  it('cancelled as GitHub cancels it: the job ends, nothing is left on the runner, and the host ends the operation', async () => {
    await stage.running('v1');
    const wanted = await stage.built('v2');
    let seen: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (seen = resolve));
    const onOutput = (text: string): void => {
      if (text.includes('::group::start')) seen();
    };
    const started = await stage.startDeploy('v2', {}, { onOutput });
    await Promise.race([reached, started.ended]);
    await started.kill('INT');
    // What has not ended after seven and a half seconds is told again.
    const timer = setTimeout(() => void started.kill('TERM'), 7500);
    const ran = await started.ended;
    clearTimeout(timer);
    expect(ran.code).not.toBe(0);
    expect(ran.wallMs).toBeLessThan(20_000);
    expect(ran.left).toEqual([]);
    const status = await settled();
    expect(status.running?.release).toBe(wanted.releaseId);
  }, 300_000);
});

describe('the runner is killed with SIGKILL in the middle of a deploy', () => {
  it('the agent finishes on its own while the site serves, and the next run converges', async () => {
    await stage.running('v1');
    const wanted = await stage.built('v2');
    const load = await stage.load('get');
    await killAt('v2', 'start');
    const status = await settled();
    const report = await load.stop();
    expectNoDrop(report);
    expect(status.running?.release).toBe(wanted.releaseId);
    const next = await stage.deploy('v2');
    expectCode(next, 0);
    expect(next.outputs['outcome']).toBe('unchanged');
  }, 300_000);

  it('the job run again at once follows the same operation to its end', async () => {
    await stage.running('v2');
    const wanted = await stage.built('v3');
    const load = await stage.load('get');
    const sameRun = { GITHUB_RUN_ID: '4711' };
    await killAt('v3', 'start', sameRun);
    const next = await stage.deploy('v3', {}, { env: { ...sameRun, GITHUB_RUN_ATTEMPT: '2' } });
    const report = await load.stop();
    expectCode(next, 0);
    expect(next.outputs['running-release']).toContain(wanted.releaseId);
    expectNoDrop(report);
    const entries = (await stage.status()).ledger.filter(
      (entry) => entry.release === wanted.releaseId && entry.outcome === 'deployed',
    );
    expect(entries.at(-1)).toBeDefined();
  }, 300_000);

  it('killed while pulling: the next run ends on the wanted release', async () => {
    await stage.running('v1');
    const wanted = await stage.built('big');
    await killAt('big', 'pull');
    const next = await stage.deploy('big', { 'lock-wait-seconds': '90' });
    expectCode(next, 0);
    expect((await stage.status()).running?.release).toBe(wanted.releaseId);
  }, 300_000);
});
