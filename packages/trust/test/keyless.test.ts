import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ContractError } from '@delivery/release';
import type { SignaturePolicy } from '@delivery/release';
import { provenance, verifyBundle } from '../src/index.ts';
import type { Expected } from '../src/index.ts';
import { signKeyless } from '../src/sign.ts';
import { jobToken, startAuthority } from './authority.ts';
import type { Authority } from './authority.ts';
import { BUILD, digestOf, keyPair, policyFor } from './keys.ts';

const ISSUER = 'https://token.actions.githubusercontent.com';
const RELEASE = digestOf('a');
const expected: Expected = {
  what: 'release a',
  kind: 'release',
  app: 'shop',
  digests: { 'the release image': RELEASE },
};
const made = provenance({ kind: 'release', app: 'shop', release: 'r1' }, [{ name: 'x', digest: RELEASE }], BUILD);
const CLAIMS = {
  iss: ISSUER,
  sub: 'https://github.com/owner/shop/.github/workflows/automation.yml@refs/heads/main',
  repository: 'owner/shop',
  ref: 'refs/heads/main',
  workflow_ref: 'owner/shop/.github/workflows/deploy.yml@refs/heads/main',
  job_workflow_ref: 'owner/shop/.github/workflows/automation.yml@refs/heads/main',
};

let ours: Authority;
let theirs: Authority;
beforeAll(async () => {
  ours = await startAuthority();
  theirs = await startAuthority();
});
afterAll(async () => {
  await ours.close();
  await theirs.close();
});

const signed = (claims: Partial<typeof CLAIMS> = {}, authority = ours): Promise<string> =>
  signKeyless({
    fulcio: authority.url,
    rekor: authority.url,
    identity: { getToken: () => Promise.resolve(jobToken({ ...CLAIMS, ...claims })) },
  })(made);

function policy(overrides: Partial<SignaturePolicy> = {}): SignaturePolicy {
  return policyFor([], {
    sources: [
      { repository: 'https://github.com/owner/shop', workflow: '.github/workflows/deploy.yml', ref: 'refs/heads/main' },
    ],
    keyless: { issuer: ISSUER, trustedRoot: ours.trustedRoot },
    ...overrides,
  });
}

function refusal(text: string, rules = policy()): string {
  try {
    verifyBundle(text, rules, expected);
  } catch (error) {
    if (error instanceof ContractError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

describe('a release that a workflow signed without a key', () => {
  it('is accepted offline, by the certificate, the log and the identity of the workflow that was started', async () => {
    const verified = verifyBundle(await signed(), policy(), expected);
    expect(verified.signer).toBe('https://github.com/owner/shop/.github/workflows/deploy.yml@refs/heads/main');
    expect(verified.source).toEqual(policy().sources[0]);
  });

  it('goes by the certificate, not by what the statement says about itself', async () => {
    // The statement of every bundle here names owner/shop; the identity of this one is another repository's.
    const fork = {
      repository: 'someone/fork',
      workflow_ref: 'someone/fork/.github/workflows/deploy.yml@refs/heads/main',
    };
    expect(refusal(await signed(fork))).toMatch(/^signature_repository: .*someone\/fork/);
  });

  it('is refused from another workflow and from another ref', async () => {
    const pull = await signed({ workflow_ref: 'owner/shop/.github/workflows/pull.yml@refs/heads/main' });
    expect(refusal(pull)).toMatch(/^signature_workflow: .*pull\.yml/);
    const branch = await signed({ workflow_ref: 'owner/shop/.github/workflows/deploy.yml@refs/heads/other' });
    expect(refusal(branch)).toMatch(/^signature_workflow: .*refs\/heads\/other/);
  });

  it('is refused when another authority or another issuer vouches for it', async () => {
    expect(refusal(await signed({}, theirs))).toMatch(/^signature_(identity|tampered): /);
    expect(refusal(await signed({ iss: 'https://issuer.test' }))).toMatch(/^signature_identity: .*issuer\.test/);
  });

  it('is refused when the entry of the log is taken out or the statement is changed', async () => {
    const bundle = JSON.parse(await signed()) as {
      verificationMaterial: { tlogEntries: unknown[] };
      dsseEnvelope: { payload: string };
    };
    const unlogged = { ...bundle, verificationMaterial: { ...bundle.verificationMaterial, tlogEntries: [] } };
    expect(refusal(JSON.stringify(unlogged))).toMatch(/^signature_tampered: .*expected 1 timestamps/);
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64')
      .toString()
      .replace('refs/heads/main', 'refs/heads/xxxx');
    const changed = {
      ...bundle,
      dsseEnvelope: { ...bundle.dsseEnvelope, payload: Buffer.from(payload).toString('base64') },
    };
    expect(refusal(JSON.stringify(changed))).toMatch(/^signature_tampered: /);
  });

  it('is refused by a host that trusts keys only, and a root that cannot be read is named', async () => {
    const bundle = await signed();
    expect(refusal(bundle, policyFor([keyPair().publicKey]))).toMatch(/^signature_key: .*trusts keys only/);
    const broken = policy({ keyless: { issuer: ISSUER, trustedRoot: { tlogs: [{ publicKey: 7 }] } } });
    expect(refusal(bundle, broken)).toMatch(/^policy: .*trustedRoot/);
  });
});
