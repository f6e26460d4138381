import { interpolate, type StackService } from '@delivery/stack';
import type { BuiltImage } from './build.ts';
import type { Builder } from './docker.ts';
import { describeImage, resolveImage } from './resolve.ts';

/** What a service of the release runs. */
export interface ServiceImage {
  /** `<repository>@sha256:<hex>` */
  ref: string;
  platforms: string[];
  /** Bytes on this machine; null where the builder keeps its images elsewhere. */
  bytes: number | null;
  built: BuiltImage | null;
}

/**
 * The images that somebody else built, by service: `<repository>@sha256:<hex>`.
 * @param env the docker client's own, with its logins
 * @throws Error naming service and image
 */
export async function resolveOthers(
  services: readonly StackService[],
  variables: Record<string, string>,
  env: Record<string, string>,
): Promise<Record<string, string>> {
  const refs: Record<string, string> = {};
  for (const { name, compose } of services) {
    if (isBuilt(compose)) continue;
    const image = compose['image'];
    if (typeof image !== 'string') throw new Error(`Service "${name}" has neither build nor image`);
    refs[name] = await resolveImage(name, interpolate(image, variables, `compose file: service ${name}.image`), env);
  }
  return refs;
}

/** Every service's image with what is known about it. */
export async function describeImages(
  services: readonly StackService[],
  others: Record<string, string>,
  built: readonly BuiltImage[],
  builder: Builder,
): Promise<Record<string, ServiceImage>> {
  const images: Record<string, ServiceImage> = {};
  for (const { name, compose } of services) {
    const own = built.find(({ service }) => service === name) ?? null;
    const ref = own?.ref ?? others[name];
    if (ref === undefined) throw new Error(`Service "${name}": its image was not built`);
    const { platform, bytes } = await describeImage(ref);
    images[name] = {
      ref,
      bytes,
      built: own,
      platforms: declaredPlatforms(compose['build']) ?? [platform ?? builder.platform],
    };
  }
  return images;
}

function isBuilt(compose: StackService['compose']): boolean {
  return compose['build'] !== undefined && compose['build'] !== null;
}

function declaredPlatforms(build: unknown): string[] | null {
  const platforms =
    typeof build === 'object' && build !== null ? (build as { platforms?: unknown }).platforms : undefined;
  return Array.isArray(platforms) && platforms.length > 0 ? platforms.map(String) : null;
}
