import { createHash } from 'node:crypto';
import type { Manifest } from '@delivery/release';
import { StepError } from '../failure.ts';

/**
 * Before anything of the release runs: every file is the one that the manifest names, none is there unnamed, and every image has a
 * variant for this host. Signatures are checked here, too, once releases are signed: after the pull, before the first start.
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
