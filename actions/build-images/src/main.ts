import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as core from '@actions/core';
import { makeReleaseId } from '@delivery/release';
import { readInputs } from '@delivery/runner';
import { bakeProjection, parseCompose } from '@delivery/stack';
import { imageLabels } from './arguments.ts';
import { attest, type Signed } from './attest.ts';
import { buildServices } from './build.ts';
import { checkBuilder } from './docker.ts';
import { describeImages, resolveOthers, type ServiceImage } from './images.ts';
import { readBuildInputs, type Inputs } from './inputs.ts';
import { layerCache } from './layers.ts';
import { openRegistry } from './registry.ts';
import { report } from './report.ts';
import { pushRelease, rehearseSeal, type ReleasePlan } from './seal.ts';
import { checkSbomTool } from './sbom.ts';
import { describeBuild, openSigning } from './signing.ts';
import { readSource } from './source.ts';

/** From a compose file to a release in the registry: builds what is to be built, resolves the rest, seals all of it by digest. */
export async function main(signal: AbortSignal): Promise<void> {
  const inputs = readInputs((input) => readBuildInputs(input, process.env['GITHUB_WORKSPACE'] ?? process.cwd()));
  const temporary = await mkdtemp(join(process.env['RUNNER_TEMP'] ?? tmpdir(), 'build-images-'));
  signal.addEventListener('abort', () => {
    // The registry's login lies in there. Docker's own processes end with the job.
    rmSync(temporary, { recursive: true, force: true });
    core.setFailed('Cancelled. What was pushed so far is not referred to by any release');
    process.exit();
  });
  try {
    await release(inputs, temporary);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function release(inputs: Inputs, temporary: string): Promise<void> {
  const { composeFile, variables, buildSecrets } = inputs;
  const composeText = await readFile(composeFile, 'utf8');
  const stack = parseCompose(composeText);
  const services = Object.values(stack.services).filter((service) => service.release.role !== 'edge');
  const projection = bakeProjection(stack, variables);
  const source = await readSource(dirname(composeFile));
  const version = inputs.version ?? source.commit.slice(0, 7);
  const labels = imageLabels(source, version);
  const plan: ReleasePlan = {
    ...{ app: stack.app, composeFile, composeText, variables, version, source, labels },
    release: makeReleaseId(new Date(), source.commit),
  };
  const files = await rehearseSeal(
    plan,
    services.map(({ name }) => name),
  );

  const sign = await openSigning(inputs);
  if (inputs.sbom) await checkSbomTool();
  const builder = await checkBuilder();
  const registry = await openRegistry(inputs, temporary);
  try {
    const targets = Object.entries(projection.targets)
      .filter(([, name]) => services.some((service) => service.name === name))
      .map(([target, service]) => ({ target, service, repository: registry.repositoryOf(stack.app, service) }));
    const others = await resolveOthers(services, variables, registry.env);
    const layers = await layerCache(inputs, stack.app, services, builder, temporary);
    const epoch = Date.parse(source.committed) / 1000;
    const build = {
      composeFile,
      projection: projection.text,
      targets,
      release: plan.release,
      labels,
      buildSecrets,
      epoch,
      cache: layers?.folders ?? null,
    };
    const built = await buildServices(build, builder, registry, temporary);
    await layers?.save();
    const images = await describeImages(services, others, built, builder);
    const sealed = await pushRelease(plan, images, files, registry, temporary);
    const signatures =
      sign === null
        ? {}
        : await attest(
            {
              ...{ app: plan.app, release: plan.release, build: describeBuild(source) },
              signed: [
                // What others built is named in the release by digest; signing it is theirs.
                ...built.map(({ ref }) => ({ kind: 'image' as const, ref, also: [], sbom: inputs.sbom })),
                releaseToSign(sealed, images),
              ],
            },
            sign,
            registry,
            temporary,
          );
    await report(plan, sealed.ref, images, signatures);
  } finally {
    await registry.close();
  }
}

/** The release with its manifest and every image that it names: all of them by digest. */
function releaseToSign(sealed: { ref: string; manifest: string }, images: Record<string, ServiceImage>): Signed {
  const named = [...new Set(Object.values(images).map(({ ref }) => ref))].map((ref) => {
    const [name = '', digest = ''] = ref.split('@');
    return { name, digest };
  });
  return {
    kind: 'release',
    ref: sealed.ref,
    also: [{ name: 'manifest.json', digest: sealed.manifest }, ...named],
    sbom: false,
  };
}
