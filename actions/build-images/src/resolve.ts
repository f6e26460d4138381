import * as core from '@actions/core';
import { docker, lastLine } from './docker.ts';

/** Name of an image without its tag and digest. */
export function nameOf(image: string): string {
  const untagged = image.split('@')[0] ?? '';
  const slash = untagged.lastIndexOf('/');
  const colon = untagged.indexOf(':', slash + 1);
  return colon < 0 ? untagged : untagged.slice(0, colon);
}

/** The entry of `RepoDigests` that belongs to the image's own name. */
export function digestFor(image: string, repoDigests: readonly string[]): string | null {
  const name = nameOf(image)
    .replace(/^(index\.)?docker\.io\//, '')
    .replace(/^library\//, '');
  return (
    repoDigests.find(
      (entry) =>
        nameOf(entry)
          .replace(/^(index\.)?docker\.io\//, '')
          .replace(/^library\//, '') === name,
    ) ?? null
  );
}

/**
 * The digest of an image that somebody else built: as pinned in the compose file, else on the machine already, else pulled.
 * @throws Error naming the service and the image
 */
export async function resolveImage(service: string, image: string, env: Record<string, string>): Promise<string> {
  const pinned = /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
  if (pinned !== undefined) return `${nameOf(image)}@${pinned}`;
  const local = await localDigest(image);
  if (local !== null) return local;
  core.info(`Pulling ${image}`);
  const { code, stderr } = await docker(['pull', '--quiet', image], { env });
  const pulled = code === 0 ? await localDigest(image) : null;
  if (pulled === null) {
    throw new Error(
      `Service "${service}": the image "${image}" is not on this machine and could not be pulled: ${lastLine(stderr) || 'it came without a digest'}`,
    );
  }
  return pulled;
}

async function localDigest(image: string): Promise<string | null> {
  const { code, stdout } = await docker(['image', 'inspect', '--format', '{{json .RepoDigests}}', image]);
  return code === 0 ? digestFor(image, (JSON.parse(stdout) as string[] | null) ?? []) : null;
}

/** Platform and size of an image on this machine; empty where the builder keeps its images elsewhere. */
export async function describeImage(ref: string): Promise<{ platform: string | null; bytes: number | null }> {
  const { code, stdout } = await docker(['image', 'inspect', '--format', '{{.Os}}/{{.Architecture}} {{.Size}}', ref]);
  const [platform = '', size = ''] = code === 0 ? stdout.trim().split(' ') : [];
  return {
    platform: /^[a-z0-9]+\/[a-z0-9]+$/.test(platform) ? platform : null,
    bytes: /^\d+$/.test(size) ? Number(size) : null,
  };
}
