import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { liveHistory } from '@delivery/release';
import { hostPaths } from '../src/paths.ts';
import { imageOf, newRoot, releaseOf } from './world/releases.ts';
import { mockHost, World } from './world/world.ts';

mockHost();
let root: string;
let world: World;
beforeEach(() => {
  root = newRoot();
  world = World.begin(hostPaths('shop', root));
  for (const number of [1, 2, 3]) world.publish(releaseOf(number));
});
afterEach(() => {
  expect(world.wrongs).toEqual([]);
  rmSync(root, { recursive: true, force: true });
});

const digestOf = (number: number): string => releaseOf(number).digest;
/** The places in the log of what begins like this, from line `from` on. */
const places = (text: string, from: number): number[] =>
  world.log.flatMap((line, index) => (index >= from && line.startsWith(text) ? [index] : []));

async function deployed(...numbers: number[]): Promise<void> {
  for (const number of numbers) {
    const { result } = await world.deploy(digestOf(number));
    expect(result).toMatchObject({ outcome: 'deployed', error: null, running: { release: `r${String(number)}` } });
  }
}

describe('a deploy', () => {
  it('asks every replica before it routes to one, and does not ask it again through the gate afterwards', async () => {
    await deployed(1);
    const from = world.log.length;
    await deployed(2);
    const routed = places('route green', from);
    expect(routed).toHaveLength(1);
    const probes = places('probe green', from);
    expect(probes.length).toBeGreaterThanOrEqual(2);
    for (const place of probes) expect(place).toBeLessThan(routed[0] ?? 0);
  });

  it('sends SIGTERM to the old colour only after the public path has answered by the new generation and its connections were counted', async () => {
    await deployed(1);
    // Somebody stays: the old colour is told to go instead of being kept warm.
    for (const { address } of world.web('blue')) world.connections.set(address, 1);
    const from = world.log.length;
    const { result } = await world.deploy(digestOf(2), { options: { drainSeconds: 0 } });
    expect(result).toMatchObject({ outcome: 'deployed' });
    const stops = places('stop shop-blue/web', from);
    expect(stops).toHaveLength(2);
    const confirmations = places('answer delivery-agent green 2', from);
    const counts = places('count connections', from).filter((place) => place > (confirmations[2] ?? 0));
    expect(confirmations.length).toBeGreaterThanOrEqual(3);
    expect(confirmations[2]).toBeLessThan(stops[0] ?? 0);
    expect(counts[0]).toBeLessThan(stops[0] ?? 0);
  });

  it('waits until the connections to the old colour have ended, and cuts none', async () => {
    await deployed(1);
    for (const { address } of world.web('blue')) world.connections.set(address, 1);
    world.endAfter = 5;
    const from = world.log.length;
    const { result } = await world.deploy(digestOf(2), { options: { drainSeconds: 60 } });
    expect(result).toMatchObject({ outcome: 'deployed', receipt: { cut: 0 } });
    expect(world.log.filter((line) => line.startsWith('cut '))).toEqual([]);
    const rests = [...places('pause shop-blue/web', from), ...places('stop shop-blue/web', from)];
    expect(places('count connections', from).filter((place) => place < Math.min(...rests)).length).toBeGreaterThan(5);
  });

  it('that loses a request of the public path on its way has failed, and says how many', async () => {
    await deployed(1);
    world.lossyGeneration = 2;
    const { result } = await world.deploy(digestOf(2));
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'dropped' }, running: { release: 'r2' } });
    expect(result?.receipt?.failures).toBeGreaterThan(0);
    expect(result?.error?.message).toMatch(/^[1-9]\d* of \d+ requests/);
  });

  it('ends the old worker before the new one starts', async () => {
    await deployed(1);
    const from = world.log.length;
    await deployed(2);
    expect(places('stop shop-blue/mail', from)[0]).toBeLessThan(places('start shop-green/mail', from)[0] ?? 0);
    expect(world.workers()).toHaveLength(1);
  });

  it('puts the secrets on the host before the migration, also the first time', async () => {
    const plain = releaseOf(4);
    const image = plain.manifest.services['web']?.image ?? '';
    const sealed = `${plain.sealed}  migrate:\n    image: ${image}\n    environment: {KEY: '\${KEY:?is needed}'}\n    x-release: {role: job}\n`;
    const job = { role: 'job' as const, image, platforms: ['linux/amd64'] };
    world.publish({
      ...plain,
      sealed,
      manifest: {
        ...plain.manifest,
        secrets: ['KEY'],
        services: { ...plain.manifest.services, migrate: job },
        files: { 'compose.yaml': `sha256:${createHash('sha256').update(sealed).digest('hex')}` },
      },
    });
    // The double refuses what compose refuses: a name that the file of secrets does not have.
    const { result } = await world.deploy(plain.digest, { secrets: { KEY: 'one' } });
    expect(result).toMatchObject({ outcome: 'deployed', error: null });
    expect(places('run shop-jobs/migrate', 0)).toHaveLength(1);
    expect(places('run shop-jobs/migrate', 0)[0]).toBeLessThan(places('start shop-blue/web', 0)[0] ?? 0);
  });

  it('of a sick release is refused, and what serves goes on', async () => {
    await deployed(1);
    world.engine.sick.add(imageOf(2));
    const routes = world.routes.length;
    const { result } = await world.deploy(digestOf(2), { secrets: { KEY: 'new' } });
    expect(result).toMatchObject({
      outcome: 'refused',
      error: { step: 'gate', code: 'crashed' },
      running: { release: 'r1' },
    });
    expect(world.routes).toHaveLength(routes);
    expect(world.answer()).toMatchObject({ status: 200, headers: { 'x-release': 'r1' } });
    expect(world.web('green')).toEqual([]);
  });

  it('is refused before it pulls anything where the disk has too little room', async () => {
    await deployed(1);
    const images = [...world.engine.images];
    world.freeBytes = 1024 ** 3 - 1;
    const { result } = await world.deploy(digestOf(2));
    expect(result).toMatchObject({ outcome: 'refused', error: { step: 'plan', code: 'disk_full' } });
    expect([...world.engine.images]).toEqual(images);
    world.freeBytes = 1024 ** 3;
    await deployed(2);
  });
});

describe('an agent that dies', () => {
  it('at any of its effects leaves a host that serves, and the next one finds out what is live and goes on', async () => {
    const seen: string[] = [];
    for (let diesAt = 4; diesAt < 130; diesAt += 9) {
      const place = newRoot();
      try {
        world = World.begin(hostPaths('shop', place));
        for (const number of [1, 2, 3]) world.publish(releaseOf(number));
        await deployed(1);
        const { died } = await world.deploy(digestOf(2), { diesAt, secrets: { KEY: 'two' } });
        if (!died) break;
        const routed = world.routed()?.release ?? '';
        seen.push(routed);
        expect(world.answer()).toMatchObject({ status: 200, headers: { 'x-release': routed } });
        await deployed(3);
        const history = liveHistory(world.ledger()).map(({ release }) => release);
        expect(history).toEqual(['r1', ...(routed === 'r2' ? ['r2'] : []), 'r3']);
        // A deploy that came to nothing takes its secrets with it.
        expect(world.web(world.routed()?.colour ?? '')[0]?.environment).toMatchObject({
          KEY: routed === 'r2' ? 'two' : 'none',
        });
        expect(world.wrongs).toEqual([]);
      } finally {
        rmSync(place, { recursive: true, force: true });
      }
    }
    // Before and after its switch.
    expect(new Set(seen)).toEqual(new Set(['r1', 'r2']));
    expect(seen.length).toBeGreaterThan(10);
  }, 60_000);
});

describe('a rollback', () => {
  it('goes the way of a deploy: start, gate, route, confirm, drain', async () => {
    await deployed(1, 2);
    const { result, steps } = await world.rollback();
    expect(result).toMatchObject({ outcome: 'rolled_back', running: { release: 'r1' } });
    const done = steps.filter((step) => /^(start|gate|route|confirm|drain) /.test(step));
    expect(done).toEqual(['start ok', 'gate ok', 'route ok', 'confirm ok', 'drain ok']);
  });

  it("brings the release's own settings back, with the secrets of today", async () => {
    for (const number of [1, 2]) world.publish(releaseOf(number, { secrets: ['KEY'] }));
    expect((await world.deploy(digestOf(1), { secrets: { KEY: 'one' } })).result?.outcome).toBe('deployed');
    expect((await world.deploy(digestOf(2), { secrets: { KEY: 'two' } })).result?.outcome).toBe('deployed');
    expect((await world.rollback()).result?.outcome).toBe('rolled_back');
    const routed = world.routed();
    expect(routed?.release).toBe('r1');
    for (const { environment } of world.web(routed?.colour ?? ''))
      expect(environment).toMatchObject({ SETTING: 'v1', KEY: 'two', RELEASE_ID: 'r1' });
  });

  it('is refused by name where a secret that the release needs is gone', async () => {
    world.publish(releaseOf(1, { secrets: ['KEY'] }));
    expect((await world.deploy(digestOf(1), { secrets: { KEY: 'one' } })).result?.outcome).toBe('deployed');
    await deployed(2);
    rmSync(world.paths.env);
    const { result } = await world.rollback();
    expect(result).toMatchObject({
      outcome: 'refused',
      error: { code: 'secrets_missing' },
      running: { release: 'r2' },
    });
    expect(result?.error?.message).toContain('KEY');
  });

  it('that fails its own gate stops there, and what answers goes on answering', async () => {
    await deployed(1, 2);
    world.engine.sick.add(imageOf(1));
    for (const item of world.web('blue')) {
      if (item.paused) world.engine.unpause(item);
      world.engine.stop(item);
    }
    const routes = world.routes.length;
    const { result } = await world.rollback();
    expect(result).toMatchObject({ outcome: 'refused', error: { step: 'gate' }, running: { release: 'r2' } });
    expect(world.routes).toHaveLength(routes);
    expect(world.answer()).toMatchObject({ status: 200, headers: { 'x-release': 'r2' } });
  });

  it('needs no registry', async () => {
    // The third one takes the containers of the first one away: nothing but its pin keeps its image.
    await deployed(1, 2, 3);
    world.registry.clear();
    world.engine.pruneImages();
    for (const release of ['r1', 'r3', 'r2'])
      expect((await world.rollback(release)).result).toMatchObject({ outcome: 'rolled_back', running: { release } });
  });
});
