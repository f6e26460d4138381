import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as core from '@actions/core';
import { duration } from '@delivery/runner';
import {
  BUNDLE_FILE,
  CYCLONEDX_TYPE,
  materials,
  provenance,
  SBOM_FILE,
  signatureTag,
  type Build,
  type Kind,
  type Subject,
} from '@delivery/trust';
import type { Sign } from '@delivery/trust/sign';
import { dockerPush } from './docker.ts';
import { readFailure } from './progress.ts';
import type { Registry } from './registry.ts';
import { billOfMaterials } from './sbom.ts';

/** What is signed: one image, with what else belongs to it. */
export interface Signed {
  kind: Kind;
  /** `<repository>@sha256:<hex>` */
  ref: string;
  /** Signed along with it, such as the manifest of a release. */
  also: readonly Subject[];
  sbom: boolean;
}

export interface AttestPlan {
  app: string;
  release: string;
  build: Build;
  signed: readonly Signed[];
}

const DOCKERFILE = 'FROM scratch\nCOPY . /\n';

/**
 * Signs every image and pushes each bundle under our own tag beside it, as an image of data: whatever can pull images can fetch it.
 * @returns by image (`<repository>@sha256:<hex>`) the reference of its signature
 */
export async function attest(
  { app, release, build, signed }: AttestPlan,
  sign: Sign,
  registry: Registry,
  temporary: string,
): Promise<Record<string, string>> {
  const started = Date.now();
  const references: Record<string, string> = {};
  const targets: Record<string, unknown> = {};
  for (const [index, { kind, ref, also, sbom }] of signed.entries()) {
    const [repository = '', digest = ''] = ref.split('@');
    const image: Subject = { name: repository, digest };
    const context = join(temporary, 'signatures', String(index));
    await mkdir(context, { recursive: true });
    const statement = provenance({ kind, app, release }, [image, ...also], build);
    await writeFile(join(context, BUNDLE_FILE), await sign(statement));
    if (sbom) {
      const document = await billOfMaterials(ref, registry.env);
      await writeFile(join(context, SBOM_FILE), await sign(materials(image, CYCLONEDX_TYPE, document)));
    }
    const reference = `${repository}:${signatureTag(digest)}`;
    references[ref] = reference;
    targets[`signature-${index}`] = {
      context,
      'dockerfile-inline': DOCKERFILE,
      tags: [reference],
      output: ['type=image,push=true'],
    };
  }
  await push(targets, registry, temporary);
  core.info(`Signed ${signed.length} images in ${duration(Date.now() - started)}`);
  return references;
}

async function push(targets: Record<string, unknown>, registry: Registry, temporary: string): Promise<void> {
  const file = join(temporary, 'signatures.json');
  await writeFile(file, JSON.stringify({ target: targets }));
  const { code, lines } = await dockerPush(
    ['buildx', 'bake', '--file', file, '--provenance=false', '--progress', 'plain', ...Object.keys(targets)],
    { env: { ...registry.env, BUILDX_BAKE_ENTITLEMENTS_FS: '0' } },
  );
  if (code !== 0) throw new Error(`The signatures could not be pushed: ${readFailure(lines).join(' / ')}`);
}
