import { interpolate, type StackService } from '@delivery/stack';
import type { BuiltImage } from './build.ts';
import type { Builder } from './docker.ts';
import type { Registry } from './registry.ts';
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

/** Every service's image by digest: of this build, or resolved. @throws Error naming service and image */
export async function imagesOf(
  services: readonly StackService[],
  built: readonly BuiltImage[],
  variables: Record<string, string>,
  builder: Builder,
  registry: Registry,
): Promise<Record<string, ServiceImage>> {
  const images: Record<string, ServiceImage> = {};
  for (const { name, compose } of services) {
    const own = built.find(({ service }) => service === name) ?? null;
    const ref = own?.ref ?? (await resolveImage(name, thirdParty(name, compose['image'], variables), registry.env));
    const { platform, bytes } = await describeImage(ref);
    images[name] = { ref, bytes, built: own, platforms: declaredPlatforms(compose['build']) ?? [platform ?? builder.platform] };
  }
  return images;
}

function thirdParty(name: string, image: unknown, variables: Record<string, string>): string {
  if (typeof image !== 'string') throw new Error(`Service "${name}" has neither build nor image`);
  return interpolate(image, variables, `compose file: service ${name}.image`);
}

function declaredPlatforms(build: unknown): string[] | null {
  const platforms = typeof build === 'object' && build !== null ? (build as { platforms?: unknown }).platforms : undefined;
  return Array.isArray(platforms) && platforms.length > 0 ? platforms.map(String) : null;
}
