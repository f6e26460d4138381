/** The signing keys of a rehearsal, and signatures of images that no action builds. */
import { generateKeyPairSync } from 'node:crypto';
import { BUNDLE_FILE, provenance, signatureTag } from '@delivery/trust';
import type { Kind } from '@delivery/trust';
import { readPrivateKey, signWithKey } from '@delivery/trust/sign';
import { must, type TestHost } from './host.ts';

/** Both halves as PEM. */
export interface SigningKey {
  private: string;
  public: string;
}

export function makeSigningKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { private: privateKey, public: publicKey };
}

/** What the provenance of the rehearsals' builds names. */
export const SOURCE = {
  repository: 'https://github.example/example/fixture',
  workflow: '.github/workflows/deploy.yml',
  ref: 'refs/heads/main',
};

/** A bundle of an image (`<repository>@sha256:<hex>`), as a build would make it. */
export function bundleOf(image: string, key: SigningKey, kind: Kind): Promise<string> {
  const [name = '', digest = ''] = image.split('@');
  const statement = provenance({ kind, app: '', release: '' }, [{ name, digest }], {
    ...SOURCE,
    commit: '0'.repeat(40),
    run: '',
    event: '',
  });
  return signWithKey(readPrivateKey('signing key', key.private, null))(statement);
}

/** Pushes a bundle under the tag beside the image, from a runner whose client (`env`) is logged in. */
export async function pushBundle(
  runner: TestHost,
  image: string,
  bundle: string,
  env: Record<string, string>,
): Promise<string> {
  const [repository = '', digest = ''] = image.split('@');
  const reference = `${repository}:${signatureTag(digest)}`;
  const context = `/tmp/signature-${digest.slice(-12)}`;
  await runner.write(`${context}/${BUNDLE_FILE}`, bundle);
  await runner.write(`${context}.Dockerfile`, 'FROM scratch\nCOPY . /\n');
  try {
    const build = ['docker', 'buildx', 'build', '--push', '--provenance=false', '-q', '-t', reference];
    await must(runner, [...build, '-f', `${context}.Dockerfile`, context], { env });
  } finally {
    await runner.exec(['rm', '-rf', context, `${context}.Dockerfile`]);
  }
  return reference;
}
