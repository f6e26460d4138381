import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { retention } from '@delivery/release';
import type { Ledger } from '@delivery/release';
import type { Docker } from '../docker.ts';
import { sweepAssets } from '../assets.ts';
import { DockerError } from '../docker/engine.ts';
import { readIfThere } from '../files.ts';
import { withHostLock } from '../host-lock.ts';
import { imagesOf } from '../images.ts';
import { PIN, PINNED, removeUnneeded, writeKept } from '../kept.ts';
import type { Paths } from '../paths.ts';
import type { Run } from '../run.ts';
import { routedNow } from './route.ts';
import { forgetRelease, readRelease, storedReleases } from '../store.ts';

/**
 * Forgets releases that the ledger no longer calls for, with their images, and pins the images of the kept ones: a container that was
 * created and never started keeps an image through any `docker image prune`. What the edge routes to stays, whatever the ledger says,
 * and so does what another app of this host needs. A kept release whose images somebody removed is named.
 * Failures here never fail an operation that has switched.
 */
export async function prune(
  run: Pick<Run, 'app' | 'paths' | 'docker' | 'events'>,
  ledger: Ledger,
  protect: string[],
): Promise<{ kept: number; pruned: string[]; lost: string[] }> {
  const routed = routedNow(run.paths);
  const decision = retention({
    ledger,
    present: storedReleases(run.paths),
    protect: routed === null ? protect : [...protect, routed.release],
  });
  const images = (release: string): string[] => imagesOf(readRelease(run.paths, release)?.manifest ?? { services: {} });
  const kept = new Map(decision.keep.map((release) => [release, images(release)]));
  const needed = new Set([...kept.values()].flat());
  const unneeded = new Set(decision.prune.flatMap(images).filter((image) => !needed.has(image)));
  await withHostLock(run.paths.keptLock, 'kept images', () => writeKept(run, needed));

  const gone = await pin(run, run.app, needed);
  const lost = [...kept].filter(([, own]) => own.some((image) => gone.has(image))).map(([release]) => release);
  for (const release of lost)
    run.events.log(
      'warning',
      `release ${release} cannot be started again without a registry: images of it are no longer on this host (docker system prune -a takes them, docker image prune does not); a deploy of it brings them back`,
    );
  await pin(run, 'edge', hostImages(run.paths));
  await removeUnneeded(run, unneeded, (text) => run.events.log('info', text));
  for (const release of decision.prune) forgetRelease(run.paths, release);
  sweepAssets(run.paths);
  return { kept: decision.keep.length, pruned: decision.prune, lost };
}

/**
 * Makes the pins of `owner` those of `needed`.
 * @returns the images that are not here to be pinned
 */
async function pin(
  run: { docker: Pick<Docker, 'containers' | 'createPin' | 'remove'>; events: Pick<Run['events'], 'log'> },
  owner: string,
  needed: ReadonlySet<string>,
): Promise<Set<string>> {
  const pins = await run.docker.containers([`${PIN}=${owner}`]);
  const pinned = new Set(pins.map(({ labels }) => labels[PINNED]));
  for (const { id, labels } of pins) {
    // Which images the agent and the edge have is provisioning's to say: theirs are only ever added here.
    if (owner !== 'edge' && !needed.has(labels[PINNED] ?? '')) await run.docker.remove(id);
  }
  const gone = new Set<string>();
  for (const image of needed) {
    if (pinned.has(image)) continue;
    try {
      await run.docker.createPin(pinName(owner, image), image, { [PIN]: owner, [PINNED]: image });
    } catch (error) {
      // One image that somebody removed must not keep the disk filling up with all the others.
      if (error instanceof DockerError && error.status === 404) gone.add(image);
      else run.events.log('warning', `image ${image} cannot be pinned: ${(error as Error).message}`);
    }
  }
  return gone;
}

/** Says in `docker ps -a` what the container is for; provisioning makes the same name for the agent's and the edge's. */
function pinName(owner: string, image: string): string {
  return `pin-${owner}-${createHash('sha256').update(image).digest('hex').slice(0, 12)}`;
}

/** The images of the agent and the edge, as provisioning wrote them. */
function hostImages({ edge }: Paths): Set<string> {
  const agent = readIfThere(join(edge, 'agent'))?.trim() ?? '';
  const proxy = /^EDGE_IMAGE=(\S+)$/m.exec(readIfThere(join(edge, '.env')) ?? '')?.[1] ?? '';
  return new Set([agent, proxy].filter((image) => image !== ''));
}
