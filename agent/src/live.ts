import { renderBacking, renderColour } from '@delivery/stack';
import type { Colour } from '@delivery/release';
import { replicas } from './colour.ts';
import type { Replica } from './colour.ts';
import type { Docker } from './docker.ts';
import type { Paths } from './paths.ts';
import { live } from './status.ts';
import { readRelease } from './store.ts';
import type { StoredRelease } from './store.ts';
import { readTruth } from './truth.ts';

/** The release that visitors are on, with its files. */
export interface LiveRelease extends StoredRelease {
  colour: Colour;
}

/** Null before the first deploy, and where the files of what runs are gone. */
export function liveRelease(paths: Paths): LiveRelease | null {
  const found = live(paths, readTruth(paths));
  if (found === null || found.colour === null) return null;
  const stored = readRelease(paths, found.release);
  return stored === null ? null : { ...stored, colour: found.colour };
}

/** Its containers, then those of the backing services. */
export async function liveContainers(docker: Docker, release: LiveRelease): Promise<Replica[]> {
  const [colour, backing] = await Promise.all([
    replicas(docker, renderColour(release)),
    replicas(docker, renderBacking(release)),
  ]);
  return [...colour, ...backing];
}
