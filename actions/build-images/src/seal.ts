import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeManifest, seal, type Sealed } from '@delivery/stack';
import { readDigests } from './arguments.ts';
import { dockerPush } from './docker.ts';
import { collectFiles, fileDigests, writeContext, type PackedFile } from './pack.ts';
import { readFailure } from './progress.ts';
import type { Registry } from './registry.ts';
import type { Source } from './source.ts';

export interface ReleasePlan {
  app: string;
  composeFile: string;
  composeText: string;
  variables: Record<string, string>;
  release: string;
  version: string;
  source: Source;
  labels: Record<string, string>;
}

/** Nothing executable, nothing from elsewhere: the release image is data. */
const DOCKERFILE = 'FROM scratch\nCOPY . /\n';
const PLACEHOLDER = `placeholder@sha256:${'0'.repeat(64)}`;

/**
 * Seals once with stand-ins for the images and reads every file, so that whatever is wrong with the compose file is known before the first build.
 * @throws ContractError or Error naming service, key, variable or file
 */
export async function rehearseSeal(plan: ReleasePlan, services: readonly string[]): Promise<PackedFile[]> {
  const { composeText, variables, release } = plan;
  const sealed = seal({
    composeText,
    variables,
    release,
    images: Object.fromEntries(services.map((name) => [name, PLACEHOLDER])),
  });
  return await collectFiles(dirname(plan.composeFile), sealed.files);
}

/**
 * Seals the release, packs it and pushes it as `<registry>/<repository>/<app>-release`.
 * @returns the image as `<repository>@sha256:<hex>`, and the digest of its manifest.json
 */
export async function pushRelease(
  plan: ReleasePlan,
  images: Record<string, { ref: string; platforms: string[] }>,
  files: readonly PackedFile[],
  registry: Registry,
  temporary: string,
): Promise<{ ref: string; manifest: string }> {
  const { app, composeText, variables, release, version, source, labels } = plan;
  const entries = Object.entries(images);
  const sealed: Sealed = seal({
    composeText,
    variables,
    release,
    images: Object.fromEntries(entries.map(([name, { ref }]) => [name, ref])),
  });
  const manifest = makeManifest({
    sealed,
    release,
    commit: source.commit,
    created: new Date().toISOString(),
    version,
    platforms: Object.fromEntries(entries.map(([name, { platforms }]) => [name, platforms])),
    files: fileDigests(files),
  });
  const context = join(temporary, 'release');
  await mkdir(context);
  const manifestText = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeContext(context, manifestText, sealed.text, files);
  const dockerfile = join(temporary, 'release.Dockerfile');
  const metadata = join(temporary, 'release.json');
  await writeFile(dockerfile, DOCKERFILE);

  const repository = registry.repositoryOf(app, 'release');
  const { code, lines } = await dockerPush(
    [
      ...[
        'buildx',
        'build',
        '--push',
        '--provenance=false',
        '--progress',
        'plain',
        '--metadata-file',
        metadata,
        '--file',
        dockerfile,
      ],
      ...[
        '--tag',
        `${repository}:${release}`,
        ...Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]),
      ],
      context,
    ],
    { env: registry.env },
  );
  if (code !== 0) {
    throw new Error(`The release image could not be pushed to ${repository}: ${readFailure(lines).join(' / ')}`);
  }
  const digest = readDigests(`{"release":${await readFile(metadata, 'utf8')}}`, ['release'])['release'] ?? '';
  const hash = createHash('sha256').update(manifestText).digest('hex');
  return { ref: `${repository}@${digest}`, manifest: `sha256:${hash}` };
}
