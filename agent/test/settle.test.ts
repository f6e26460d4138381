import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hostPaths } from '../src/paths.ts';
import { imageOf, newRoot, releaseOf } from './world/releases.ts';
import { mockHost, World } from './world/world.ts';

mockHost();
let root: string;
let world: World;
beforeEach(() => {
  root = newRoot();
  world = World.begin(hostPaths('shop', root));
  for (const number of [1, 2]) world.publish(releaseOf(number));
});
afterEach(() => {
  expect(world.wrongs).toEqual([]);
  rmSync(root, { recursive: true, force: true });
});

const deploy = (number: number, options: Record<string, unknown> = {}): ReturnType<World['deploy']> =>
  world.deploy(releaseOf(number).digest, { options });
const live = (): string | undefined => world.answer().headers['x-release'];

/** Waits until it is so, at most two seconds. */
async function until(so: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !so(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(so()).toBe(true);
}

function crash(colour: string): void {
  for (const item of world.web(colour)) Object.assign(item, { restartCount: item.restartCount + 1, exitCode: 1 });
}

describe('after the switch', () => {
  beforeEach(async () => {
    expect((await deploy(1)).result).toMatchObject({ outcome: 'deployed' });
  });

  it('the release is watched at once, however long the old workers take to end', async () => {
    let end: () => void = () => undefined;
    world.farewell = new Promise((resolve) => (end = resolve));
    const deploying = deploy(2, { bakeSeconds: 20 });
    try {
      await until(() => live() === 'r2');
      crash('green');
      await until(() => live() === 'r1');
      // Its worker has not ended yet, and is not started a second time beside itself.
      expect(world.workers()).toHaveLength(1);
    } finally {
      end();
    }
    const { result } = await deploying;
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'burned' }, running: { release: 'r1' } });
    expect(world.workers()).toMatchObject([{ labels: { 'com.docker.compose.project': 'shop-blue' } }]);
  });

  it.each([0, 20])('a release whose workers cannot start gives the visitors back (bake %i s)', async (bakeSeconds) => {
    world.engine.refused.add('shop-green/mail');
    const began = performance.now();
    const { result } = await deploy(2, { bakeSeconds });
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(result).toMatchObject({
      outcome: 'failed',
      error: {
        step: 'bake',
        code: 'burned',
        message: expect.stringMatching(/^workers: .*visitors are back on release r1$/),
      },
      running: { release: 'r1' },
    });
    expect(live()).toBe('r1');
    expect(world.workers()).toMatchObject([{ labels: { 'com.docker.compose.project': 'shop-blue' } }]);
  });

  it('a colour that visitors have left does not start after a reboot, also where they cannot go back to it', async () => {
    const { manifest, sealed, digest, id } = releaseOf(2);
    const image = imageOf(2);
    const migrating = `${sealed}  migrate: {image: ${image}, x-release: {role: job}}\n`;
    world.publish({
      id,
      digest,
      sealed: migrating,
      manifest: {
        ...manifest,
        schema: { before: 0, after: 2, oldestCompatible: null, compatibleFrom: 2 },
        services: { ...manifest.services, migrate: { role: 'job', image, platforms: ['linux/amd64'] } },
        files: { 'compose.yaml': `sha256:${createHash('sha256').update(migrating).digest('hex')}` },
      },
    });
    world.engine.refused.add('shop-green/mail');
    const { result } = await deploy(2, { forceSchema: 0 });
    expect(result).toMatchObject({ error: { code: 'burned' }, running: { release: 'r2' } });
    for (const { restartPolicy } of world.web('blue')) expect(restartPolicy).toBe('no');
  });

  it('connections to the colour that visitors have left get their time, also where the watch ends early', async () => {
    // A way back that does not answer: visitors stay on the release whose workers cannot start.
    world.engine.refused.add('shop-green/mail');
    world.shy.add(imageOf(1));
    for (const { address } of world.web('blue')) world.connections.set(address, 1);
    world.endAfter = 30;
    const { result } = await deploy(2, { drainSeconds: 60 });
    expect(result).toMatchObject({ outcome: 'failed', running: { release: 'r2' } });
    expect(world.log.filter((line) => line.startsWith('cut '))).toEqual([]);
  }, 60_000);

  it('Docker that is being restarted is waited for', async () => {
    world.awayFrom = 'green';
    const { result } = await deploy(2);
    expect(world.awayFrom).toBeNull();
    expect(result).toMatchObject({ outcome: 'deployed', error: null });
  });
});

describe('a switch that the public path does not confirm', () => {
  it('shows what the containers of the release have said', async () => {
    await deploy(1);
    world.shy.add(imageOf(2));
    const { result } = await deploy(2);
    expect(result).toMatchObject({
      outcome: 'failed',
      running: { release: 'r1' },
      error: { step: 'confirm', code: 'unconfirmed', logs: ['web-1: the last line', 'web-2: the last line'] },
    });
  }, 60_000);
});

describe('before the switch', () => {
  it('Docker that is being restarted is waited for: the edge could open no connection to the new colour', async () => {
    await deploy(1);
    const from = world.log.length;
    await deploy(2);
    const log = world.log.slice(from);
    expect(log).toContain('docker answers');
    expect(log.indexOf('docker answers')).toBeLessThan(log.indexOf('route green'));
  });
});
