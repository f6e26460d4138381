import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { errorLine, expectCode, expectNoDrop } from './expect.ts';
import { Stage } from './stage.ts';
import type { Started } from './action.ts';
import type { Variant } from './stage.ts';

const stage = Stage.open();

/** Starts a deploy that watches its release for a minute, and returns once it does. */
async function watched(variant: Variant): Promise<Started> {
  let seen: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => (seen = resolve));
  let log = '';
  const started = await stage.startDeploy(
    variant,
    { 'bake-seconds': '60' },
    {
      onOutput: (text) => {
        log += text;
        if (log.includes('::group::bake')) seen();
      },
    },
  );
  const ended = await Promise.race([reached.then(() => null), started.ended]);
  if (ended !== null) throw new Error(`the deploy ended before its watch began\n${ended.log}`);
  return started;
}

describe('a rollback while a release is watched', () => {
  it('is carried out by the agent that watches: at once, without a loss, and both are on record', async () => {
    const before = await stage.running('v1');
    const taken = await stage.built('v2');
    const load = await stage.load('mixed', { 'slow-seconds': '3' });
    const deploy = await watched('v2');
    expect((await stage.get('/')).release).toBe(taken.releaseId);
    const rollback = await stage.rollback();
    const ended = await deploy.ended;
    const report = await load.stop();
    expectCode(rollback, 0);
    expect(rollback.outputs['outcome']).toBe('rolled_back');
    expect(rollback.outputs['running-release']).toBe(before.releaseId);
    expect(rollback.log).toContain('its agent goes back');
    expectCode(ended, 1);
    expect(errorLine(ended)).toMatch(/taken back by rollback/);
    expect(ended.outputs['running-release']).toBe(before.releaseId);
    expectNoDrop(report);
    const status = await stage.status();
    expect(status.running?.release).toBe(before.releaseId);
    expect(status.ledger.slice(-2)).toMatchObject([
      { verb: 'deploy', outcome: 'failed', release: taken.releaseId, error: { step: 'bake', code: 'preempted' } },
      { verb: 'rollback', outcome: 'rolled_back', release: before.releaseId, previous: taken.releaseId },
    ]);
    console.log(
      `rollback in the bake window: action ${String(Math.round(rollback.wallMs))} ms, switched-ms ${String(rollback.outputs['switched-ms'])}`,
    );
  }, 400_000);

  it('to another release than the one before waits its turn and says for whom', async () => {
    await stage.running('v1');
    const deploy = await watched('v2');
    const other = await stage.rollback({ release: '20200101T000000Z-abcdef0' });
    expectCode(other, 1);
    expect(errorLine(other)).toMatch(/another operation is under way/);
    expectCode(await stage.rollback(), 0);
    expectCode(await deploy.ended, 1);
  }, 400_000);
});

describe('secrets are rotated without a build', () => {
  it('the same release comes up with the new ones and nothing keeps those of before', async () => {
    const built = await stage.running('v1');
    const load = await stage.load('get');
    const ran = await stage.deploy('v1', { secrets: 'APP_KEY=rotated-1' });
    const report = await load.stop();
    expectCode(ran, 0);
    expect(ran.outputs['outcome']).toBe('deployed');
    expectNoDrop(report);
    const root = JSON.parse((await stage.get('/')).text) as { keyHash: string };
    expect(root.keyHash).toBe(createHash('sha256').update('rotated-1').digest('hex'));
    expect((await stage.status()).ledger.at(-1)).toMatchObject({ release: built.releaseId, rotated: true });
    const environments = await stage.vpsShell(
      'for c in $(docker ps -aq --filter label=com.docker.compose.project); do docker inspect -f "{{json .Config.Env}}" "$c"; done',
    );
    expect(environments).toContain('rotated-1');
    expect(environments.split('\n').filter((line) => line.includes('APP_KEY') && !line.includes('rotated-1'))).toEqual(
      [],
    );
    expect((await stage.deploy('v1', { secrets: 'APP_KEY=rotated-1' })).outputs['outcome']).toBe('unchanged');
    expectCode(await stage.deploy('v1'), 0);
  }, 400_000);
});
