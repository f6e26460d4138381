import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import * as cache from '@actions/cache';
import * as core from '@actions/core';
import type { CacheFolders } from './arguments.ts';

/** Files whose change makes most layers of a build new. */
const LOCK_FILES = [
  ...['package-lock.json', 'npm-shrinkwrap.json', 'yarn.lock', 'pnpm-lock.yaml', 'bun.lock', 'go.sum', 'Cargo.lock'],
  ...['poetry.lock', 'uv.lock', 'requirements.txt', 'composer.lock', 'Gemfile.lock', 'gradle.lockfile'],
];

/** Name of the folder below the runner's temporary directory; a part of what tells cache entries apart. */
const FOLDER = 'delivery-layers';

/** A build that takes part in the key: its context and its Dockerfile. */
export interface BuildFiles {
  context: string;
  dockerfile: string;
}

export interface LayerCache {
  folders: CacheFolders;
  /** Stores what the build wrote, unless exactly this key was restored. Never throws. */
  save(): Promise<void>;
}

/** Key of the layer cache and the prefix that an older one may match: by lock files and Dockerfiles. */
export async function cacheKey(
  app: string,
  base: string,
  builds: readonly BuildFiles[],
): Promise<{ key: string; prefix: string }> {
  const files = [
    ...new Set(
      builds.flatMap(({ context, dockerfile }) => [dockerfile, ...LOCK_FILES.map((name) => join(context, name))]),
    ),
  ].sort();
  const hash = createHash('sha256');
  for (const file of files.filter((name) => existsSync(name)))
    hash
      .update(`${relative(base, file)}\0`)
      .update(await readFile(file))
      .update('\0');
  const prefix = `delivery-layers-${process.platform}-${process.arch}-${app}-`;
  return { key: `${prefix}${hash.digest('hex').slice(0, 32)}`, prefix };
}

/** Context and Dockerfile of a service's `build`, as absolute paths; null for contexts that are no directory here. */
export function buildFiles(build: unknown, base: string): BuildFiles | null {
  const { context = '.', dockerfile = 'Dockerfile' } =
    typeof build === 'string' ? { context: build } : (build as { context?: string; dockerfile?: string });
  if (typeof context !== 'string' || typeof dockerfile !== 'string' || context.includes('://') || context.includes('$'))
    return null;
  const directory = resolve(base, context);
  return { context: directory, dockerfile: resolve(directory, dockerfile) };
}

/** Brings back the layers of an earlier run. Null where there is no cache service; the build then relies on the builder's own layers. */
export async function openCache(key: string, prefix: string, temporary: string): Promise<LayerCache | null> {
  if (!cache.isFeatureAvailable()) return null;
  const parent = dirname(temporary);
  const folder = join(parent, FOLDER);
  const fresh = join(temporary, 'layers');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  let restored: string | undefined;
  try {
    restored = await cache.restoreCache([FOLDER], key, [prefix]);
  } catch (error) {
    core.info(`The layer cache could not be read: ${text(error)}`);
  }
  core.info(restored === undefined ? 'No layers in the cache yet' : `Layers from the cache: ${restored}`);
  const targets = await readdir(folder);
  const save = async (): Promise<void> => {
    try {
      if (restored !== key && existsSync(fresh)) {
        await rm(folder, { recursive: true, force: true });
        await rename(fresh, folder);
        await saveFrom(parent, key);
      }
    } catch (error) {
      core.info(`The layers were not cached: ${text(error)}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  return {
    folders: { from: targets.length > 0 ? { folder, targets } : null, to: restored === key ? null : fresh },
    save,
  };
}

/**
 * Stores the folder under a relative name. The service keeps entries apart by the text of their paths, and the runner's directory for temporary
 * files is not the same everywhere; a relative path counts from the current directory, and `..` is not allowed in it.
 */
async function saveFrom(directory: string, key: string): Promise<void> {
  const before = process.cwd();
  process.chdir(directory);
  try {
    await cache.saveCache([FOLDER], key);
  } finally {
    process.chdir(before);
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
