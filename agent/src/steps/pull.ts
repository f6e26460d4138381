import type { Manifest } from '@delivery/release';
import type { Run } from '../run.ts';
import { pullError } from './pull-error.ts';

/** Every image of the release, by digest, at once; what the host has already is not asked for again. */
export async function pullImages(run: Run, manifest: Manifest): Promise<{ pulled: number; present: number }> {
  const references = [...new Set(Object.values(manifest.services).map(({ image }) => image))];
  const results = await Promise.allSettled(
    references.map(async (reference) => {
      if ((await run.docker.imageId(reference)) !== null) return false;
      try {
        await run.docker.pull(reference, run.envelope.registry);
      } catch (error) {
        throw pullError(reference, error);
      }
      return true;
    }),
  );
  // All of them have ended: an abandoned pull would go on in the Engine while the error is being told.
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const pulled = results.filter((result) => result.status === 'fulfilled' && result.value).length;
  return { pulled, present: references.length - pulled };
}
