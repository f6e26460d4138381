import { retention } from '@delivery/release';
import type { Ledger, Manifest } from '@delivery/release';
import type { Run } from '../run.ts';
import { routedNow } from './route.ts';
import { forgetRelease, readRelease, storedReleases } from '../store.ts';

const PIN = 'delivery.pin';

function imagesOf(manifest: Manifest): string[] {
  return [...new Set(Object.values(manifest.services).map(({ image }) => image))];
}

/**
 * Forgets releases that the ledger no longer calls for, with their images, and pins the images of the kept ones: a container that was
 * created and never started keeps an image through any `docker image prune`. What the edge routes to stays, whatever the ledger says.
 * Failures here never fail an operation that has switched.
 */
export async function prune(
  run: Pick<Run, 'app' | 'paths' | 'docker' | 'events'>,
  ledger: Ledger,
  protect: string[],
): Promise<{ kept: number; pruned: string[] }> {
  const routed = routedNow(run.paths);
  const decision = retention({
    ledger,
    present: storedReleases(run.paths),
    protect: routed === null ? protect : [...protect, routed.release],
  });
  const needed = new Set(
    decision.keep.flatMap((release) => imagesOf(readRelease(run.paths, release)?.manifest ?? EMPTY)),
  );
  const unneeded = new Set(
    decision.prune
      .flatMap((release) => imagesOf(readRelease(run.paths, release)?.manifest ?? EMPTY))
      .filter((image) => !needed.has(image)),
  );

  const pins = await run.docker.containers([`${PIN}=${run.app}`]);
  const pinned = new Set(pins.map(({ labels }) => labels['delivery.image']));
  for (const pin of pins) {
    if (!needed.has(pin.labels['delivery.image'] ?? '')) await run.docker.remove(pin.id);
  }
  for (const image of needed) {
    if (pinned.has(image)) continue;
    try {
      await run.docker.createPin(image, { [PIN]: run.app, 'delivery.image': image });
    } catch (error) {
      // One image that somebody removed must not keep the disk filling up with all the others.
      run.events.log('warning', `image ${image} cannot be pinned: ${(error as Error).message}`);
    }
  }
  for (const image of unneeded) {
    try {
      await run.docker.removeImage(image);
    } catch (error) {
      run.events.log('info', `image ${image} is still in use and stays: ${(error as Error).message}`);
    }
  }
  for (const release of decision.prune) forgetRelease(run.paths, release);
  return { kept: decision.keep.length, pruned: decision.prune };
}

const EMPTY = { services: {} } as Manifest;
