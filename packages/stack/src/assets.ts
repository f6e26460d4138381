import { ContractError } from '@delivery/release';
import { parseMount } from './mounts.ts';
import { hostPaths } from './paths.ts';
import type { ComposeObject, StackService } from './types.ts';

/**
 * Refuses directories of hashed files that something else is mounted over, or that lie in each other: which of the two a container
 * would see is not obvious. Throws ContractError `compose`.
 */
export function checkAssets({ name, release, compose }: StackService): void {
  if (release.role !== 'web' || release.assets === undefined) return;
  const at = `compose file: service ${name}`;
  const volumes = Array.isArray(compose['volumes']) ? (compose['volumes'] as unknown[]) : [];
  const tmpfs = [compose['tmpfs'] ?? []].flat().map((entry) => String(entry).split(':')[0] ?? '');
  const mounted = [...volumes.map((entry) => parseMount(entry, `${at}: volumes`).target), ...tmpfs];
  for (const [index, path] of release.assets.entries()) {
    const others = [...mounted, ...release.assets.filter((_, other) => other !== index)];
    const clash = others.find((other) => isWithin(path, other) || isWithin(other, path));
    if (clash !== undefined)
      throw new ContractError('compose', `${at}: assets ${path} and ${clash} are the same place or lie in each other`);
  }
}

function isWithin(path: string, directory: string): boolean {
  return `${path}/`.startsWith(`${directory.replace(/\/+$/, '')}/`);
}

/** The mounts that put the host's union of a service's hashed files, of every kept release, in the place of the image's own. */
export function assetMounts(app: string, { name, release }: StackService): ComposeObject[] {
  if (release.role !== 'web') return [];
  return (release.assets ?? []).map((path) => ({
    type: 'bind',
    source: `${hostPaths.assets(app, name)}${path}`,
    target: path,
    read_only: true,
    bind: { create_host_path: false },
  }));
}
