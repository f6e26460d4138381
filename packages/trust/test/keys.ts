import { generateKeyPairSync } from 'node:crypto';
import type { SignaturePolicy } from '@delivery/release';
import type { Build } from '../src/statement.ts';

/** A fresh signing key pair, PEM. */
export function keyPair(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

export const BUILD: Build = {
  repository: 'https://github.com/owner/shop',
  workflow: '.github/workflows/deploy.yml',
  ref: 'refs/heads/main',
  commit: 'a'.repeat(40),
  run: 'https://github.com/owner/shop/actions/runs/1/attempts/1',
  event: 'push',
};

export const digestOf = (letter: string): string => `sha256:${letter.repeat(64)}`;

export function policyFor(keys: string[], overrides: Partial<SignaturePolicy> = {}): SignaturePolicy {
  return { format: 1, keys, sources: [], keyless: null, ...overrides };
}
