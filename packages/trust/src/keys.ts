import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ContractError } from '@delivery/release';

/** What a bundle calls a key by: the SHA-256 of its public half (DER, SPKI), 64 hex digits. */
export function keyId(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

function checkCurve(key: KeyObject, name: string): void {
  const curve = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? 'unknown';
  if (curve !== 'prime256v1')
    throw new ContractError(name, `${name}: is a key of ${curve}; needed is ECDSA on the curve P-256`);
}

/** A public key, PEM. Throws ContractError of the code `name` for anything else than ECDSA P-256. */
export function readPublicKey(name: string, pem: string): KeyObject {
  let key: KeyObject;
  if (pem.includes('PRIVATE KEY'))
    throw new ContractError(name, `${name}: is a private key; needed is the public half`);
  try {
    key = createPublicKey(pem);
  } catch {
    throw new ContractError(name, `${name}: is no public key, PEM`);
  }
  checkCurve(key, name);
  return key;
}

/** A private key, PEM (PKCS #8 or SEC1). Throws ContractError of the code `name`; the key itself is in no message. */
export function readPrivateKey(name: string, pem: string, passphrase: string | null): KeyObject {
  let key: KeyObject;
  try {
    // Node asks nobody for a passphrase that is missing: it throws.
    key = createPrivateKey({ key: pem, ...(passphrase === null ? {} : { passphrase }) });
  } catch {
    const sealed = /ENCRYPTED/.test(pem);
    throw new ContractError(
      name,
      sealed && passphrase === null
        ? `${name}: is protected by a passphrase and none was given`
        : sealed
          ? `${name}: the passphrase does not open it`
          : `${name}: is no private key, PEM`,
    );
  }
  checkCurve(key, name);
  return key;
}
