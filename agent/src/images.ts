import { liveHistory, rollbackTarget } from '@delivery/release';
import type { Ledger, Manifest } from '@delivery/release';
import type { Docker } from './docker.ts';
import { StepError } from './failure.ts';
import type { Paths } from './paths.ts';
import { readRelease, storedReleases } from './store.ts';
import { readTruth } from './truth.ts';

/** Every image that a release is made of, each once. */
export function imagesOf(manifest: Pick<Manifest, 'services'>): string[] {
  return [...new Set(Object.values(manifest.services).map(({ image }) => image))];
}

/** What would be missing on this host to run the release again: its jobs ran already, backing services are never started anew by it. */
export async function missingImages(
  docker: Pick<Docker, 'imageId'>,
  manifest: Pick<Manifest, 'services'>,
): Promise<{ service: string; image: string }[]> {
  const found = await Promise.all(
    Object.entries(manifest.services)
      .filter(([, { role }]) => role === 'web' || role === 'worker' || role === 'scheduler')
      .map(async ([service, { image }]) => ((await docker.imageId(image)) === null ? [{ service, image }] : [])),
  );
  return found.flat();
}

/**
 * Refuses to go back to a release whose images somebody has removed, and names the latest one that can still run.
 * Throws StepError `image_gone`.
 */
export async function requireImages(
  { paths, docker }: { paths: Paths; docker: Pick<Docker, 'imageId'> },
  manifest: Manifest,
): Promise<void> {
  const [gone] = await missingImages(docker, manifest);
  if (gone === undefined) return;
  const { ledger } = readTruth(paths);
  const other = await latestRunnable(paths, docker, ledger, manifest.release);
  throw new StepError(
    'image_gone',
    `release ${manifest.release}: the image of ${gone.service} (${gone.image}) is no longer on this host; ` +
      (other === null
        ? 'no other release can run without a registry either'
        : `release ${other} can still run: name it`) +
      `; a deploy of ${manifest.release} brings its images back`,
  );
}

/** The latest release beside the running one that a rollback would take and whose images are here; null where there is none. */
async function latestRunnable(
  paths: Paths,
  docker: Pick<Docker, 'imageId'>,
  ledger: Ledger,
  except: string,
): Promise<string | null> {
  const manifests = storedManifests(paths);
  const candidates = new Set(
    liveHistory(ledger)
      .map(({ release }) => release)
      .reverse(),
  );
  candidates.delete(except);
  for (const requested of candidates) {
    const choice = rollbackTarget({ ledger, requested, manifests });
    if (choice.ok && (await missingImages(docker, choice.manifest)).length === 0) return requested;
  }
  return null;
}

/** The manifests of the releases that this host has whole, by id. */
function storedManifests(paths: Paths): Map<string, Manifest> {
  return new Map(
    storedReleases(paths).flatMap((release) => {
      const stored = readRelease(paths, release);
      return stored === null ? [] : [[release, stored.manifest] as const];
    }),
  );
}
