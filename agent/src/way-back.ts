import type { Status } from '@delivery/release';
import type { Docker } from './docker.ts';
import { missingImages } from './images.ts';
import type { Paths } from './paths.ts';
import { readRelease, storedReleases } from './store.ts';

/**
 * Which kept releases could be started again with no registry in reach, newest first, and what a person should know about that. Asks
 * Docker and changes nothing; where Docker does not answer, that is the note.
 */
export async function wayBack(
  paths: Paths,
  docker: Pick<Docker, 'imageId'>,
  running: Pick<NonNullable<Status['running']>, 'release'> | null,
): Promise<Pick<Status, 'releases' | 'notes'>> {
  const stored = storedReleases(paths).flatMap((release) => {
    const manifest = readRelease(paths, release)?.manifest;
    return manifest === undefined ? [] : [{ release, manifest }];
  });
  stored.sort((a, b) => Date.parse(b.manifest.created) - Date.parse(a.manifest.created));
  try {
    const releases = await Promise.all(
      stored.map(async ({ release, manifest }) => {
        const missing = (await missingImages(docker, manifest)).map(({ image }) => image);
        return { release, images: missing.length === 0 ? ('here' as const) : ('gone' as const), missing };
      }),
    );
    return { releases, notes: notesOn(releases, running?.release ?? null) };
  } catch (error) {
    return { notes: [`the images of the kept releases could not be looked for: ${(error as Error).message}`] };
  }
}

/** The sentences for a person about what is kept and what is lost. */
export function notesOn(releases: NonNullable<Status['releases']>, running: string | null): string[] {
  const others = releases.filter(({ release }) => release !== running);
  const lost = others.filter(({ images }) => images === 'gone').map(({ release }) => release);
  const here = others.filter(({ images }) => images === 'here').map(({ release }) => release);
  const live = releases.find(({ release, images }) => release === running && images === 'gone');
  return [
    ...(live === undefined
      ? []
      : [
          `images of the running release ${live.release} are gone: it runs on, and could not be started again; deploy it again`,
        ]),
    ...(lost.length === 0
      ? []
      : [
          `no way back to ${lost.join(', ')}: images are gone from this host; a deploy of the release brings them back`,
        ]),
    ...(here.length === 0
      ? []
      : [
          `docker system prune -a would take the way back to ${here.join(', ')}, and the agent: it removes stopped containers, which keep the images; docker image prune -a takes neither`,
        ]),
  ];
}
