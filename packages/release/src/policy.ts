import { z } from 'zod';
import { ContractError } from './contract-error.ts';
import type { Manifest } from './manifest.ts';
import { parseDocument } from './parse.ts';

const PREFIX = /^[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;

/** What the owner of a host allows, beside what a caller may ask for: policy.json of the app, written by provisioning. */
export const PolicySchema = z.strictObject({
  /** The one place that releases and the app's own images come from. */
  repository: z.string().max(255).regex(PREFIX, 'must be <host[:port]/path> without tag and digest'),
  /** Whether the deploy key may run commands in the live release. Off: who steals it must not get a shell in the app. */
  run: z.boolean().default(false),
});
export type Policy = z.infer<typeof PolicySchema>;

/** Reads a policy; throws ContractError `policy` naming the field. */
export function parsePolicy(text: string): Policy {
  return parseDocument('policy', PolicySchema, text, 64 * 1024);
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
