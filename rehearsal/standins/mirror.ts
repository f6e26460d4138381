/**
 * The content of the test hosts' Docker Hub mirror: one volume of the machine's Docker that all instances read.
 * Each image is taken from the machine, else pulled, else built as a stand-in.
 */
import { createServer, type AddressInfo } from 'node:net';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheDirectory, ensureArtefact, recipeKey, type Log } from './cache.ts';
import { attempt, run } from './command.ts';
import { ensureImage, hasImage, imageReference, REGISTRY, STAND_INS } from './images.ts';

/** A port of 127.0.0.1 that nothing listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

let hubAnswers = true;

/** Finds an image of Docker Hub: on the machine, by a pull, or built. One failed pull is enough to know for the rest of the run. */
async function resolveImage(name: string, log: Log): Promise<{ reference: string; origin: string }> {
  const reference = name.replace(/^library\//, '');
  if (await hasImage(reference)) return { reference, origin: 'on the machine' };
  if (hubAnswers) {
    if ((await attempt('docker', ['pull', '-q', reference], { timeoutMs: 180_000 })).code === 0)
      return { reference, origin: 'pulled' };
    hubAnswers = false;
    log('Docker Hub does not answer; building stand-ins');
  }
  const recipe = STAND_INS[name];
  if (recipe === undefined) {
    throw new Error(`${reference} is neither on the machine nor can it be pulled, and there is no stand-in for it`);
  }
  return { reference: await ensureImage(recipe, log), origin: 'stand-in' };
}

/** Key of the mirror's content: which images, and the recipe of each. */
async function mirrorKey(): Promise<string> {
  const references = await Promise.all(Object.values(STAND_INS).map(imageReference));
  return recipeKey(...Object.keys(STAND_INS), ...references);
}

/**
 * Gives the name of the volume that holds the mirror; fills it first where it is missing.
 * It belongs to the machine, not to an instance.
 */
export async function ensureMirror(log: Log): Promise<string> {
  const key = await mirrorKey();
  const volume = `delivery-mirror-${key}`;
  // A volume has no "complete" of its own, and a run may die while it fills one: the cache remembers.
  if ((await attempt('docker', ['volume', 'inspect', volume])).code !== 0) {
    await rm(join(cacheDirectory(), `mirror-${key}`), { recursive: true, force: true });
  }
  await ensureArtefact('mirror', key, async () => {
    await attempt('docker', ['volume', 'rm', volume]);
    await fill(volume, log);
  });
  return volume;
}

async function fill(volume: string, log: Log): Promise<void> {
  const registry = await ensureImage(REGISTRY, log);
  const port = await freePort();
  const container = await run('docker', [
    ...['run', '-d', '-p', `127.0.0.1:${port}:5001`, '-v', `${volume}:/var/lib/mirror`],
    ...[registry, 'docker-registry', 'serve', '/etc/rehearsal/fill.yml'],
  ]);
  try {
    await answering(`http://127.0.0.1:${port}/v2/`);
    for (const name of Object.keys(STAND_INS)) {
      const { reference, origin } = await resolveImage(name, log);
      log(`mirror: ${name} (${origin})`);
      const target = `127.0.0.1:${port}/${name}`;
      await run('docker', ['tag', reference, target]);
      await run('docker', ['push', '-q', target]);
      await run('docker', ['rmi', '--no-prune', target]);
    }
  } finally {
    await run('docker', ['rm', '-f', '-v', container]);
  }
}

/** Waits until an address answers with a success, at most ten seconds. */
async function answering(address: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await fetch(address).catch(() => null);
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error(`${address} did not answer within 10 s`);
}
