import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseKept } from '@delivery/release';
import type { Manifest } from '@delivery/release';
import type { Docker } from './docker.ts';
import { readIfThere, writeAtomically } from './files.ts';
import { withHostLock } from './host-lock.ts';
import { imagesOf } from './images.ts';
import type { Paths } from './paths.ts';
import type { Run } from './run.ts';

/** Label of a pin: the app that needs the image, or `edge` for the agent's and the edge's own. */
export const PIN = 'delivery.pin';
/** Label of a pin: the reference of its image. */
export const PINNED = 'delivery.image';

/** Says what an app needs, before it pulls it and before another app removes what nobody needs. */
export async function keepImages(run: Pick<Run, 'app' | 'paths'>, manifest: Manifest): Promise<void> {
  await withHostLock(run.paths.keptLock, 'kept images', () => {
    const before = ownKept(run);
    writeKept(run, [...before, ...imagesOf(manifest)]);
  });
}

/** Replaces what the app has said; the caller holds `keptLock`. */
export function writeKept({ app, paths }: Pick<Run, 'app' | 'paths'>, images: Iterable<string>): void {
  const document = { format: 1, app, images: [...new Set(images)].sort() };
  writeAtomically(keptFile(paths, app), `${JSON.stringify(document)}\n`);
}

export function keptFile(paths: Paths, app: string): string {
  mkdirSync(paths.kept, { recursive: true, mode: 0o755 });
  return join(paths.kept, `${app}.json`);
}

function ownKept({ app, paths }: Pick<Run, 'app' | 'paths'>): string[] {
  try {
    const text = readIfThere(keptFile(paths, app));
    return text === null ? [] : parseKept(text).images;
  } catch {
    // Its own word, damaged: the next prune writes it anew, and until then Docker keeps what containers use.
    return [];
  }
}

/**
 * Images that other apps of this host need: by what they say, and by their pins. Throws ContractError `kept` where one cannot be read:
 * then nothing must be removed.
 */
export async function neededByOthers({
  app,
  paths,
  docker,
}: {
  app: string;
  paths: Paths;
  docker: Pick<Docker, 'containers'>;
}): Promise<Set<string>> {
  const needed = new Set<string>();
  for (const name of listed(paths.kept)) {
    if (!name.endsWith('.json') || name.startsWith('.') || name === `${app}.json`) continue;
    const text = readIfThere(join(paths.kept, name));
    for (const image of text === null ? [] : parseKept(text).images) needed.add(image);
  }
  for (const { labels } of await docker.containers([PIN])) {
    const image = labels[PINNED];
    if (labels[PIN] !== app && image !== undefined) needed.add(image);
  }
  return needed;
}

/** Removes images that neither this app nor another one needs; each removal excludes other apps that are about to need it. */
export async function removeUnneeded(
  run: { app: string; paths: Paths; docker: Pick<Docker, 'containers' | 'removeImage'> },
  images: Iterable<string>,
  say: (text: string) => void,
): Promise<number> {
  let removed = 0;
  for (const image of images) {
    await withHostLock(run.paths.keptLock, 'kept images', async () => {
      if ((await neededByOthers(run)).has(image)) return;
      try {
        await run.docker.removeImage(image);
        removed += 1;
      } catch (error) {
        say(`image ${image} is still in use and stays: ${(error as Error).message}`);
      }
    });
  }
  return removed;
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
