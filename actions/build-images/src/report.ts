import * as core from '@actions/core';
import { setOutputs, table, writeSummary } from '@delivery/runner';
import type { ServiceImage } from './images.ts';
import type { ReleasePlan } from './seal.ts';

/** Outputs and summary. */
export async function report(
  plan: ReleasePlan,
  reference: string,
  images: Record<string, ServiceImage>,
  signatures: Record<string, string>,
): Promise<void> {
  const refs = Object.fromEntries(Object.entries(images).map(([name, { ref }]) => [name, ref]));
  const signature = signatures[reference] ?? '';
  setOutputs({ release: reference, 'release-id': plan.release, images: refs, signature });
  await writeSummary([
    `## ${plan.app}: release ${plan.release}`,
    table(['Image', 'Digest', 'Size', 'Seconds', 'Cached'], rows(images)),
    `Release image: \`${reference}\``,
    signature === '' ? '**Not signed.**' : `Signature: \`${signature}\``,
  ]);
  for (const [name, ref] of Object.entries(refs)) core.info(`  ${name}: ${ref}`);
  core.info(`Release ${plan.release}: ${reference}`);
}

function rows(images: Record<string, ServiceImage>): string[][] {
  return Object.entries(images).map(([name, { ref, bytes, built }]) => [
    name,
    ref.split('@')[1] ?? '',
    bytes === null ? '' : `${(bytes / 1e6).toFixed(1)} MB`,
    built === null ? '' : built.seconds.toFixed(1),
    built === null ? 'not built here' : `${built.cached} of ${built.steps} steps`,
  ]);
}
