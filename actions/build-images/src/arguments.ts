import { join } from 'node:path';
import type { Builder } from './docker.ts';
import type { Source } from './source.ts';

/** One `build:` service as buildx gets it. */
export interface Target {
  /** Bake's name of the target. */
  target: string;
  service: string;
  repository: string;
}

export interface CacheFolders {
  /** Holds one folder per target that can be read; targets without one start cold. */
  from: { folder: string; targets: readonly string[] } | null;
  /** Null where what was read is all there is to keep. */
  to: string | null;
}

export interface BakeRequest {
  projectionFile: string;
  metadataFile: string;
  targets: readonly Target[];
  release: string;
  labels: Record<string, string>;
  buildSecrets: Record<string, string>;
  cache: CacheFolders | null;
  builder: Pick<Builder, 'fullStore'>;
}

/**
 * The arguments of `docker` for building and pushing all targets in one bake. Nothing secret is among them.
 * Images are pushed under the release's id and used by digest alone: a tag keeps the registry's clean-up of untagged images away,
 * and is pushed the same way by every builder and image store.
 */
export function bakeArguments(request: BakeRequest): string[] {
  const { projectionFile, metadataFile, targets, release, labels, buildSecrets, cache, builder } = request;
  const sets = targets.flatMap(({ target, repository }) => [
    `${target}.tags=${repository}:${release}`,
    `${target}.output=type=image,push=true`,
    ...Object.entries(labels).map(([name, value]) => `${target}.labels.${name}=${value}`),
    ...Object.entries(buildSecrets).map(([id, path]) => `${target}.secrets=id=${id},src=${path}`),
    ...(cache?.from?.targets.includes(target)
      ? [`${target}.cache-from=type=local,src=${join(cache.from.folder, target)}`]
      : []),
    ...(cache?.to ? [`${target}.cache-to=type=local,dest=${join(cache.to, target)},mode=max,ignore-error=true`] : []),
  ]);
  return [
    ...['buildx', 'bake', '--file', projectionFile, '--metadata-file', metadataFile, '--progress', 'plain'],
    `--provenance=${builder.fullStore ? 'mode=min' : 'false'}`,
    ...sets.flatMap((set) => ['--set', set]),
    ...targets.map(({ target }) => target),
  ];
}

/** The labels that every image of a release carries. `created` is the commit's time, so that two builds of one commit agree. */
export function imageLabels(source: Source, version: string): Record<string, string> {
  return {
    ...(source.repository === '' ? {} : { 'org.opencontainers.image.source': source.repository }),
    'org.opencontainers.image.revision': source.commit,
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.created': source.committed,
  };
}

/**
 * The digest of each target's index (or of its one manifest) from bake's metadata file.
 * @throws Error naming a target without a digest
 */
export function readDigests(metadata: string, targets: readonly string[]): Record<string, string> {
  const parsed = JSON.parse(metadata) as Record<string, Record<string, unknown> | undefined>;
  return Object.fromEntries(
    targets.map((target) => {
      const digest = parsed[target]?.['containerimage.digest'];
      if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest))
        throw new Error(`buildx gave no digest for "${target}": was it pushed?`);
      return [target, digest];
    }),
  );
}
