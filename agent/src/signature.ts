import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { parsePolicy } from '@delivery/release';
import type { Manifest, Policy, SignaturePolicy } from '@delivery/release';
import type * as Trust from '@delivery/trust';
import { BUNDLE_FILE, signatureTag } from '@delivery/trust/tag';
import type { Docker } from './docker.ts';
import { StepError } from './failure.ts';
import { readIfThere } from './files.ts';
import { releaseDirectory } from './paths.ts';
import type { Paths } from './paths.ts';
import type { Run } from './run.ts';
import type { StoredRelease } from './store.ts';
import { pullError } from './steps/pull-error.ts';

/** The verifier is a third of the agent's code: only what asks for signatures loads it. */
const load = (): Promise<typeof Trust> => import('@delivery/trust');

const sha256 = (text: string | Buffer): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** The owner's word on where releases come from and who signs them; null where nothing was said. Throws ContractError `policy`. */
export function readPolicy(paths: Paths): Policy | null {
  const text = readIfThere(paths.policy);
  return text === null ? null : parsePolicy(text);
}

/**
 * Pulls the bundle that lies under our tag beside the release image, through the Engine as every image of this host: it knows the
 * registry's certificates and mirrors. Null where there is none.
 */
export async function fetchSignature(
  run: Pick<Run, 'docker' | 'envelope'>,
  repository: string,
  digest: string,
): Promise<string | null> {
  const reference = `${repository}:${signatureTag(digest)}`;
  try {
    // The verifier is loaded while the registry is waited for.
    await Promise.all([run.docker.pull(reference, run.envelope.registry), load()]);
  } catch (error) {
    const refused = pullError(reference, error);
    if (refused.code === 'not_in_registry') return null;
    throw refused;
  }
  try {
    return await readSignature(run.docker, reference);
  } finally {
    void run.docker.removeImage(reference).catch(() => undefined);
  }
}

/** The bundle in a local signature image. Throws StepError `signature_malformed` where it holds none. */
export async function readSignature(docker: Pick<Docker, 'readImage'>, reference: string): Promise<string> {
  const files = await docker.readImage(reference, (path) => path === BUNDLE_FILE);
  const bundle = files.get(BUNDLE_FILE);
  if (bundle === undefined)
    throw new StepError('signature_malformed', `${reference}: holds no ${BUNDLE_FILE}, so it is no signature`);
  return bundle.toString('utf8');
}

/** Throws ContractError naming why unless somebody whom the policy trusts signed this release image with this manifest; gives who. */
export async function verifyReleaseSignature(
  signatures: SignaturePolicy,
  app: string,
  release: { release: string; digest: string; manifest: string | Buffer; signature: string | null },
): Promise<string> {
  const { verifyBundle } = await load();
  const { signer, source } = verifyBundle(release.signature, signatures, {
    what: `release ${release.release}`,
    kind: 'release',
    app,
    digests: { 'the release image': release.digest, 'manifest.json': sha256(release.manifest) },
  });
  return source.repository === '' ? `signed with ${signer}` : `signed with ${signer}, built by ${source.repository}`;
}

/**
 * Before a kept release comes back: its own signature again, offline, and its files against its manifest. Whoever sits at the host may go
 * back to a release from before signatures were asked for; whoever rings with the deploy key may not.
 */
export async function verifyStored(
  run: Pick<Run, 'app' | 'paths' | 'events'>,
  stored: StoredRelease,
  atTheHost = (process.env['RELEASE_ACTOR'] ?? '') !== '',
): Promise<void> {
  const signatures = readPolicy(run.paths)?.signatures;
  if (signatures === undefined) return;
  const { manifest, digest, manifestText, signature } = stored;
  if (signature === null && atTheHost) {
    run.events.log(
      'warning',
      `release ${manifest.release} is not signed; it goes back because this was asked at the host`,
    );
    return;
  }
  await verifyReleaseSignature(signatures, run.app, {
    release: manifest.release,
    digest,
    manifest: manifestText,
    signature,
  });
  checkStoredFiles(run.paths, manifest);
}

function checkStoredFiles(paths: Paths, manifest: Manifest): void {
  const directory = releaseDirectory(paths, manifest.release);
  for (const [path, expected] of Object.entries(manifest.files)) {
    if (sha256(readFileSync(join(directory, path))) !== expected)
      throw new StepError(
        'file_changed',
        `release ${manifest.release}: ${path} on this host is not the file that was signed`,
      );
  }
}

/** Why a host without `signatures` in its policy should have them. */
export const UNSIGNED_WARNING =
  'policy.json asks for no signatures: whoever can push to the repository can deploy; provision-vps with its input signing-public-key changes that';
