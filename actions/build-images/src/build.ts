import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as core from '@actions/core';
import { duration, foreignLines } from '@delivery/runner';
import { bakeArguments, readDigests, type CacheFolders, type Target } from './arguments.ts';
import { dockerPush, type Builder } from './docker.ts';
import { readFailure, readProgress, type TargetProgress } from './progress.ts';
import type { Registry } from './registry.ts';

export interface BuildPlan {
  composeFile: string;
  projection: string;
  targets: readonly Target[];
  release: string;
  labels: Record<string, string>;
  buildSecrets: Record<string, string>;
  cache: CacheFolders | null;
  /** Seconds since 1970: the time that image configurations carry. */
  epoch: number;
}

export interface BuiltImage extends TargetProgress {
  service: string;
  /** `<repository>@sha256:<hex>` */
  ref: string;
}

/**
 * Builds and pushes every `build:` service in one bake.
 * @throws Error with the last meaningful lines of the build
 */
export async function buildServices(
  plan: BuildPlan,
  builder: Builder,
  registry: Registry,
  temporary: string,
): Promise<BuiltImage[]> {
  const { targets } = plan;
  if (targets.length === 0) return [];
  const projectionFile = join(temporary, 'bake.yaml');
  const metadataFile = join(temporary, 'bake.json');
  await writeFile(projectionFile, plan.projection, { mode: 0o600 });
  if (!builder.fullStore)
    core.notice(
      'This Docker keeps images in its classic store: no provenance and no cache export. The containerd image store has both',
    );
  const started = Date.now();
  const names = targets.map(({ service }) => service).join(', ');
  core.startGroup(`Build ${names}`);
  const { code, lines } = await dockerPush(bakeArguments({ ...plan, projectionFile, metadataFile, builder }), {
    // Contexts in the projection are relative to the compose file.
    cwd: dirname(plan.composeFile),
    env: {
      ...registry.env,
      SOURCE_DATE_EPOCH: String(plan.epoch),
      // Build secrets and cache folders lie outside of the compose file's directory on purpose; they are named by the action's inputs.
      BUILDX_BAKE_ENTITLEMENTS_FS: '0',
    },
    onStderrLine: (line) => {
      for (const shown of foreignLines(line)) core.info(shown);
    },
  });
  core.endGroup();
  if (code !== 0) {
    throw new Error(`The build of ${names} failed: ${readFailure(lines).join(' / ')}`);
  }
  core.info(`Built and pushed ${names} in ${duration(Date.now() - started)}`);
  const digests = readDigests(
    await readFile(metadataFile, 'utf8'),
    targets.map(({ target }) => target),
  );
  const progress = readProgress(
    lines,
    targets.map(({ target }) => target),
  );
  return targets.map(({ target, service, repository }) => ({
    service,
    ref: `${repository}@${digests[target]}`,
    ...(progress[target] ?? { steps: 0, cached: 0, seconds: 0 }),
  }));
}
