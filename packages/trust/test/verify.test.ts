import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ContractError } from '@delivery/release';
import type { SignaturePolicy } from '@delivery/release';
import { materials, provenance, signatureTag, SPDX_TYPE, verifyBundle } from '../src/index.ts';
import type { Build, Expected, Statement } from '../src/index.ts';
import { readPrivateKey, signWithKey } from '../src/sign.ts';
import { BUILD, digestOf, keyPair, policyFor } from './keys.ts';

const ours = keyPair();
const theirs = keyPair();
const RELEASE = digestOf('a');
const MANIFEST = digestOf('b');
const expected: Expected = {
  what: 'release a',
  kind: 'release',
  app: 'shop',
  digests: { 'the release image': RELEASE, 'manifest.json': MANIFEST },
};
const source = { repository: BUILD.repository, workflow: BUILD.workflow, ref: BUILD.ref };

function statement(
  build: Partial<Build> = {},
  what: Partial<{ kind: 'release' | 'agent'; app: string }> = {},
): Statement {
  return provenance(
    { kind: 'release', app: 'shop', release: 'r1', ...what },
    [
      { name: 'registry.test/shop-release', digest: RELEASE },
      { name: 'manifest.json', digest: MANIFEST },
    ],
    { ...BUILD, ...build },
  );
}
const signed = (made: Statement, pem = ours.privateKey): Promise<string> =>
  signWithKey(readPrivateKey('signing-key', pem, null))(made);

function refusal(text: string | null, policy: SignaturePolicy, about: Expected = expected): string {
  try {
    verifyBundle(text, policy, about);
  } catch (error) {
    if (error instanceof ContractError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

describe('a release that is signed with a key', () => {
  const policy = policyFor([theirs.publicKey, ours.publicKey], { sources: [source] });

  it('is accepted when one of the keys signed exactly it', async () => {
    const verified = verifyBundle(await signed(statement()), policy, expected);
    expect(verified).toEqual({ signer: expect.stringMatching(/^key [0-9a-f]{12}$/), source, commit: BUILD.commit });
  });

  it('is refused unsigned', () => {
    expect(refusal(null, policy)).toMatch(/^unsigned: release a: is not signed/);
  });

  it('is refused when the bundle was tampered with, in the statement and in the signature', async () => {
    const bundle = JSON.parse(await signed(statement())) as {
      dsseEnvelope: { payload: string; signatures: { sig: string }[] };
    };
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64')
      .toString()
      .replaceAll('b'.repeat(64), 'c'.repeat(64));
    const changed = {
      ...bundle,
      dsseEnvelope: { ...bundle.dsseEnvelope, payload: Buffer.from(payload).toString('base64') },
    };
    const about = { ...expected, digests: { ...expected.digests, 'manifest.json': digestOf('c') } };
    expect(refusal(JSON.stringify(changed), policy, about)).toMatch(
      /^signature_tampered: .*changed after it was signed/,
    );
    const other = JSON.parse(await signed(statement({ event: 'other' }))) as typeof bundle;
    const swapped = { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, signatures: other.dsseEnvelope.signatures } };
    expect(refusal(JSON.stringify(swapped), policy)).toMatch(/^signature_tampered: /);
  });

  it('is refused when another key signed it, also under the name of a trusted one', async () => {
    const bundle = await signed(statement(), theirs.privateKey);
    const only = policyFor([ours.publicKey]);
    expect(refusal(bundle, only)).toMatch(/^signature_key: .*this host trusts [0-9a-f]{12}$/);
    const hint = (JSON.parse(await signed(statement())) as { verificationMaterial: { publicKey: { hint: string } } })
      .verificationMaterial.publicKey.hint;
    const renamed = JSON.parse(bundle) as { verificationMaterial: { publicKey: { hint: string } } };
    renamed.verificationMaterial.publicKey.hint = hint;
    expect(refusal(JSON.stringify(renamed), only)).toMatch(/^signature_tampered: /);
  });

  it('is refused from another repository, another workflow and another ref', async () => {
    const other = await signed(statement({ repository: 'https://github.com/someone/fork' }));
    expect(refusal(other, policy)).toMatch(/^signature_repository: .*someone\/fork.*owner\/shop/);
    const workflow = await signed(statement({ workflow: '.github/workflows/pull.yml' }));
    expect(refusal(workflow, policy)).toMatch(/^signature_workflow: .*pull\.yml.*deploy\.yml/);
    const ref = await signed(statement({ ref: 'refs/pull/1/merge' }));
    expect(refusal(ref, policy)).toMatch(/^signature_workflow: .*refs\/pull\/1\/merge.*refs\/heads\/main/);
  });

  it('takes a pattern of workflows and refs, never of repositories', async () => {
    const tags = policyFor([ours.publicKey], { sources: [{ ...source, workflow: '*', ref: 'refs/tags/v*' }] });
    expect(refusal(await signed(statement({ ref: 'refs/tags/v1.2' })), tags)).toBe('accepted');
    expect(refusal(await signed(statement({ ref: 'refs/tags/w1' })), tags)).toMatch(/^signature_workflow/);
    expect(refusal(await signed(statement({ ref: 'x/refs/tags/v1' })), tags)).toMatch(/^signature_workflow/);
  });

  it("is refused with another release's signature (a moved tag), and with one of an agent or another app", async () => {
    const bundle = await signed(statement());
    const moved = { ...expected, digests: { ...expected.digests, 'the release image': digestOf('d') } };
    expect(refusal(bundle, policy, moved)).toMatch(/^signature_subject: .*the release image/);
    expect(refusal(await signed(statement({}, { kind: 'agent' })), policy)).toMatch(
      /^signature_subject: .*is for agent/,
    );
    expect(refusal(await signed(statement({}, { app: 'blog' })), policy)).toMatch(/^signature_subject: .*blog/);
  });

  it('is refused with a bill of materials in the place of a provenance, and with no bundle at all', async () => {
    const sbom = materials({ name: 'x', digest: RELEASE }, SPDX_TYPE, {});
    const about = { ...expected, digests: { 'the release image': RELEASE } };
    expect(refusal(await signed(sbom), policy, about)).toMatch(/^signature_malformed: .*not a provenance/);
    for (const text of ['', '{}', 'null', '[]', '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}'])
      expect(refusal(text, policy)).toMatch(/^signature_malformed: /);
  });

  it('is refused where the host trusts no key and no authority', async () => {
    expect(refusal(await signed(statement()), policyFor([]))).toMatch(/^signature_key: .*trusts no key/);
  });
});

describe('a signing key', () => {
  it('opens with its passphrase, and is refused by name without, with a wrong one, and on another curve', () => {
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' },
    });
    expect(readPrivateKey('signing-key', privateKey, 'open sesame').asymmetricKeyType).toBe('ec');
    expect(() => readPrivateKey('signing-key', privateKey, null)).toThrow('signing-key: is protected by a passphrase');
    expect(() => readPrivateKey('signing-key', privateKey, 'wrong')).toThrow(
      'signing-key: the passphrase does not open it',
    );
    expect(() => readPrivateKey('signing-key', 'nonsense', null)).toThrow('signing-key: is no private key, PEM');
    const { privateKey: other } = generateKeyPairSync('ec', {
      namedCurve: 'P-384',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    expect(() => readPrivateKey('signing-key', other, null)).toThrow('secp384r1');
  });
});

it('names the tag of a signature, and only of a digest', () => {
  expect(signatureTag(RELEASE)).toBe(`sha256-${'a'.repeat(64)}.sigstore.json`);
  expect(() => signatureTag('latest')).toThrow('digest');
});
