import { dirname } from 'node:path';
import type { StackService } from '@delivery/stack';
import { buildFiles, cacheKey, openCache, type LayerCache } from './cache.ts';
import type { Builder } from './docker.ts';
import type { Inputs } from './inputs.ts';

/** The layer cache for these services, or null: switched off, no cache service, or a builder that cannot export its layers. */
export async function layerCache(
  inputs: Inputs,
  app: string,
  services: readonly StackService[],
  builder: Builder,
  temporary: string,
): Promise<LayerCache | null> {
  if (!inputs.cache || !builder.fullStore) return null;
  const base = dirname(inputs.composeFile);
  const builds = services
    .map(({ compose }) => compose['build'])
    .filter((build) => build !== undefined && build !== null);
  const files = builds.map((build) => buildFiles(build, base)).filter((found) => found !== null);
  const { key, prefix } = await cacheKey(app, base, files);
  return await openCache(key, prefix, temporary);
}
