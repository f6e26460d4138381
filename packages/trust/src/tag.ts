import { ContractError, DIGEST } from '@delivery/release';

/** File of a signature image that holds the bundle of what was signed. */
export const BUNDLE_FILE = 'bundle.sigstore.json';
/** File of a signature image that holds the attested bill of materials, where there is one. */
export const SBOM_FILE = 'sbom.sigstore.json';

/**
 * The tag beside an image under which its signature lies: `sha256-<hex>.sigstore.json`. A tag of ours and no referrer: not every
 * registry answers for referrers, every one has tags. Throws ContractError `digest` for anything but a digest.
 */
export function signatureTag(digest: string): string {
  if (!DIGEST.test(digest))
    throw new ContractError('digest', `digest: "${digest.slice(0, 80)}" is not sha256:<64 hex>`);
  return `${digest.replace(':', '-')}.sigstore.json`;
}
