import { z } from 'zod';
import { ContractError } from './contract-error.ts';
import type { Manifest } from './manifest.ts';
import { parseDocument } from './parse.ts';

const PREFIX = /^[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;

const PEM = /^-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+-----END PUBLIC KEY-----\n?$/;
/** `*` stands for any characters; everything else for itself. */
const pattern = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9._/*+@-]+$/, 'must be of letters, digits and . _ / * + @ -');

/** A workflow whose releases are taken, as GitHub names it: `<repository>/<workflow>@<ref>`. */
export const TrustedSourceSchema = z.strictObject({
  /** Address of the repository, such as `https://github.com/owner/repo`; never a pattern. */
  repository: z
    .string()
    .max(255)
    .regex(/^https:\/\/[A-Za-z0-9.:-]+\/[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/, 'must be https://<server>/<owner>/<name>'),
  /** Path of the workflow that was started, such as `.github/workflows/deploy.yml`. */
  workflow: pattern,
  /** Such as `refs/heads/main`. */
  ref: pattern,
});
export type TrustedSource = z.infer<typeof TrustedSourceSchema>;

/** Who must have signed what this host runs: one of the keys, or a workflow by a certificate that the root vouches for. */
export const SignaturePolicySchema = z
  .strictObject({
    format: z.literal(1),
    /** Public keys, PEM (SPKI). */
    keys: z.array(z.string().max(4096).regex(PEM, 'must be a public key, PEM')).max(8),
    /** What a signature must say that it was made by; none allows any. By a key it is the builder's word, by a certificate the authority's. */
    sources: z.array(TrustedSourceSchema).max(16),
    /** Signing without a key: who vouches for the workflow's identity. `trustedRoot` is sigstore's TrustedRoot document. */
    keyless: z
      .strictObject({
        issuer: z.url({ protocol: /^https$/ }),
        trustedRoot: z.record(z.string(), z.unknown()),
      })
      .nullable(),
  })
  .superRefine((signatures, context) => {
    if (signatures.keys.length === 0 && signatures.keyless === null)
      context.addIssue({
        code: 'custom',
        path: ['keys'],
        message: 'is empty: signatures are required and nobody is trusted to make them',
      });
    // Anybody can get a certificate of the public authority: without a source it would vouch for everybody.
    if (signatures.keyless !== null && signatures.sources.length === 0)
      context.addIssue({
        code: 'custom',
        path: ['sources'],
        message: 'is empty: keyless signatures need the workflows that are trusted',
      });
  });
export type SignaturePolicy = z.infer<typeof SignaturePolicySchema>;

/** What the owner of a host allows, beside what a caller may ask for: policy.json of the app, written by provisioning. */
export const PolicySchema = z.strictObject({
  /** The one place that releases and the app's own images come from. */
  repository: z.string().max(255).regex(PREFIX, 'must be <host[:port]/path> without tag and digest'),
  /** Whether the deploy key may run commands in the live release. Off: who steals it must not get a shell in the app. */
  run: z.boolean().default(false),
  /** Absent: whoever can push to the repository can deploy. */
  signatures: SignaturePolicySchema.optional(),
});
export type Policy = z.infer<typeof PolicySchema>;

/** Reads a policy; throws ContractError `policy` naming the field. */
export function parsePolicy(text: string): Policy {
  return parseDocument('policy', PolicySchema, text, 256 * 1024);
}

/** Throws ContractError `policy` unless releases of `app` may come from `repository`. */
export function checkRepository(policy: Policy, app: string, repository: string): void {
  const allowed = `${policy.repository}/${app}-release`;
  if (repository !== allowed)
    throw new ContractError('policy', `repository: is ${repository}, this host takes releases from ${allowed} only`);
}

/** Throws ContractError `policy` for an image from elsewhere; a backing service may bring one, such as a database's. */
export function checkImages(policy: Policy, manifest: Pick<Manifest, 'services'>): void {
  for (const [name, { role, image }] of Object.entries(manifest.services)) {
    if (role === 'backing' || image.startsWith(`${policy.repository}/`)) continue;
    throw new ContractError(
      'policy',
      `service ${name}: its image ${image} is not below ${policy.repository}; on this host only a backing service may use one from elsewhere`,
    );
  }
}
