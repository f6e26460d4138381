import { createHash } from 'node:crypto';

/** The fingerprint that `ssh-keygen -lf` prints: `SHA256:` and unpadded base64 of the hash of the public key blob. */
export function fingerprint(publicKey: Buffer): string {
  return `SHA256:${createHash('sha256').update(publicKey).digest('base64').replace(/=+$/, '')}`;
}

/** The algorithm name at the start of a public key blob (RFC 4253, 6.6), or null when the blob is not one. */
export function keyType(publicKey: Buffer): string | null {
  if (publicKey.length < 8) return null;
  const length = publicKey.readUInt32BE(0);
  if (length < 4 || length > 64 || publicKey.length < 4 + length) return null;
  const type = publicKey.subarray(4, 4 + length).toString('latin1');
  return /^[a-z0-9@.-]+$/.test(type) ? type : null;
}
