import { createHash } from 'node:crypto';
import type { Manifest } from '@delivery/release';
import { StepError } from '../failure.ts';
import type { Run } from '../run.ts';
import { UNSIGNED_WARNING, verifyReleaseSignature } from '../signature.ts';
import type { DeployPlan } from './plan.ts';

/**
 * Before any image of the release is pulled: who signed it, by the owner's policy. The manifest is among what was signed, and names every
 * image and every file by digest. Gives what to say about it; throws ContractError naming why not.
 */
export async function verifySignature(
  run: Pick<Run, 'app' | 'events'>,
  {
    manifest,
    digest,
    files,
    policy,
    signature,
  }: Pick<DeployPlan, 'manifest' | 'digest' | 'files' | 'policy' | 'signature'>,
): Promise<string> {
  if (policy?.signatures === undefined) {
    if (policy !== null) run.events.log('warning', UNSIGNED_WARNING);
    return 'no signature was asked for';
  }
  return verifyReleaseSignature(policy.signatures, run.app, {
    release: manifest.release,
    digest,
    manifest: files.get('manifest.json') ?? '',
    signature,
  });
}

/**
 * Before anything of the release runs: every file is the one that the manifest names, none is there unnamed, and every image has a
 * variant for this host.
 * @param host platform of the Engine, such as `linux/amd64`
 */
export function verifyRelease(manifest: Manifest, files: ReadonlyMap<string, Buffer>, host: string): void {
  for (const [path, expected] of Object.entries(manifest.files)) {
    const content = files.get(path);
    if (content === undefined)
      throw new StepError('file_missing', `release image: ${path}: named in the manifest and not in the image`);
    const found = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    if (found !== expected)
      throw new StepError('file_changed', `release image: ${path}: is ${found}, the manifest says ${expected}`);
  }
  for (const path of files.keys()) {
    if (path !== 'manifest.json' && manifest.files[path] === undefined)
      throw new StepError('file_unknown', `release image: ${path}: in the image and not named in the manifest`);
  }
  for (const [name, { platforms }] of Object.entries(manifest.services)) {
    if (platforms.length > 0 && !platforms.some((platform) => platform === host || platform.startsWith(`${host}/`))) {
      throw new StepError(
        'platform',
        `service ${name}: its image is for ${platforms.join(', ')}, this host is ${host}`,
      );
    }
  }
}
