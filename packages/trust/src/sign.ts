import { createPublicKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { bundleToJSON } from '@sigstore/bundle';
import type { Bundle } from '@sigstore/bundle';
import { CIContextProvider, DSSEBundleBuilder, FulcioSigner, RekorWitness } from '@sigstore/sign';
import type { IdentityProvider, Signer, Witness } from '@sigstore/sign';
import { keyId } from './keys.ts';
import { PAYLOAD_TYPE } from './statement.ts';
import type { Statement } from './statement.ts';

export { readPrivateKey } from './keys.ts';

/** Signs a statement; gives a sigstore bundle as JSON text. */
export type Sign = (statement: Statement) => Promise<string>;

/** Signs with a key of one's own; nothing is sent anywhere. */
export function signWithKey(key: KeyObject): Sign {
  const publicKey = createPublicKey(key);
  const signer: Signer = {
    sign: (data) =>
      Promise.resolve({
        signature: sign('sha256', data, key),
        key: {
          $case: 'publicKey',
          publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
          hint: keyId(publicKey),
        },
      }),
  };
  return bundled(signer, []);
}

export interface KeylessOptions {
  /** Certificate authority and transparency log; absent means sigstore's public ones. */
  fulcio?: string;
  rekor?: string;
  identity?: IdentityProvider;
}

/**
 * Signs with a key that lives for this one signature. The authority certifies it for the workflow's identity (the job's OIDC token, which
 * needs `id-token: write`), and the log records it: repository, workflow and digest become public.
 */
export function signKeyless({ fulcio, rekor, identity }: KeylessOptions = {}): Sign {
  const signer = new FulcioSigner({
    identityProvider: identity ?? new CIContextProvider('sigstore'),
    ...(fulcio === undefined ? {} : { fulcioBaseURL: fulcio }),
    timeout: 30_000,
    retry: 3,
  });
  const witness = new RekorWitness({
    ...(rekor === undefined ? {} : { rekorBaseURL: rekor }),
    timeout: 30_000,
    retry: 3,
  });
  return bundled(signer, [witness]);
}

function bundled(signer: Signer, witnesses: Witness[]): Sign {
  const builder = new DSSEBundleBuilder({ signer, witnesses });
  return async (statement) => {
    const bundle: Bundle = await builder.create({ data: Buffer.from(JSON.stringify(statement)), type: PAYLOAD_TYPE });
    return `${JSON.stringify(bundleToJSON(bundle))}\n`;
  };
}
