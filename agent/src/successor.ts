import { ContractError, IMAGE_BY_DIGEST, parseLedger } from '@delivery/release';
import type { SignaturePolicy } from '@delivery/release';
import type { Docker } from './docker.ts';
import { readIfThere } from './files.ts';
import type { Paths } from './paths.ts';
import { readPolicy, readSignature } from './signature.ts';
import { olderThan, VERSION } from './version.ts';

/** Label of the agent's image with its version (x.y.z). */
const VERSION_LABEL = 'delivery.agent.version';

/**
 * Whether `image` may take this agent's place; provisioning asks the agent of before, which the host trusts already. Both images are on
 * the host. Throws ContractError: `agent_older` (it goes forward only), or what is wrong with its signature, where the policy asks for one.
 */
export async function successor(
  paths: Paths,
  image: string,
  docker: Pick<Docker, 'imageLabels' | 'imageId' | 'readImage'>,
): Promise<{ image: string; version: string; signer: string | null }> {
  if (!IMAGE_BY_DIGEST.test(image))
    throw new ContractError('call', 'successor: <repository>@sha256:<64 hex> is needed');
  const labels = await docker.imageLabels(image);
  if (labels === null) throw new ContractError('agent_missing', `agent ${image}: is not on this host`);
  const version = labels[VERSION_LABEL] ?? '';
  if (!/^\d+\.\d+\.\d+$/.test(version))
    throw new ContractError('agent_unknown', `agent ${image}: names no version, so it is no agent of this project`);
  const signatures = readPolicy(paths)?.signatures;
  const signer = signatures === undefined ? null : await signerOf(image, docker, signatures);
  if (olderThan(version, VERSION))
    throw new ContractError(
      'agent_older',
      `agent ${image}: is ${version}, this host has ${VERSION} and goes forward only; what that one has written the older one cannot be trusted to read`,
    );
  return { image, version, signer };
}

async function signerOf(
  image: string,
  docker: Pick<Docker, 'imageId' | 'readImage'>,
  signatures: SignaturePolicy,
): Promise<string> {
  const { signatureTag, verifyBundle } = await import('@delivery/trust');
  const [repository = '', digest = ''] = image.split('@');
  const tag = `${repository}:${signatureTag(digest)}`;
  const bundle = (await docker.imageId(tag)) === null ? null : await readSignature(docker, tag);
  return verifyBundle(bundle, signatures, {
    what: `agent ${image}`,
    kind: 'agent',
    app: '',
    digests: { 'the agent image': digest },
  }).signer;
}

/**
 * Throws ContractError `agent_older` where a newer agent than this one has driven the app: its records are not for this one to go on from,
 * and nothing may be written to them. A ledger that is malformed is left for the operation to tell.
 */
export function refuseOlder(paths: Paths): void {
  const newest = writers(paths).findLast((agent) => olderThan(VERSION, agent));
  if (newest !== undefined)
    throw new ContractError(
      'agent_older',
      `agent: ${newest} has driven this app, this is ${VERSION}; the host goes forward only: run provision-vps with ${newest} or later`,
    );
}

/** Versions of the agents that wrote the ledger, oldest first. */
function writers(paths: Paths): string[] {
  try {
    return parseLedger(readIfThere(paths.ledger) ?? '').flatMap(({ agent }) => (agent === undefined ? [] : [agent]));
  } catch (error) {
    if (error instanceof ContractError && error.code === 'agent_older') throw error;
    return [];
  }
}
