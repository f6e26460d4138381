import { z } from 'zod';
import { ContractError } from './contract-error.ts';

export const APP_NAME = /^[a-z][a-z0-9-]{0,30}$/;
export const RELEASE_ID = /^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/;
export const DIGEST = /^sha256:[0-9a-f]{64}$/;
export const OPERATION_ID = /^[A-Za-z0-9._-]{1,64}$/;
export const SECRET_NAME = /^[A-Z_][A-Z0-9_]*$/;
/** Names that steer compose, Docker, the loader or Node themselves, or that the agent sets: none of them reaches the app as a secret. */
export const RESERVED_NAME = /^(COMPOSE_.*|DOCKER_.*|LD_.*|PATH|HOME|NODE_OPTIONS|RELEASE_ID|RELEASE_VERSION)$/;
export const COMMIT = /^[0-9a-f]{7,64}$/;
/** Compose's own rule for service names. */
export const SERVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** `<host[:port]/path>@sha256:<64 hex>`; no tag, so that there is one way to write a release down. */
export const IMAGE_BY_DIGEST = /^[a-z0-9][a-z0-9._:/-]{0,254}@sha256:[0-9a-f]{64}$/;
/** A repository without tag and digest: `<host[:port]/path>`. */
export const REPOSITORY = /^[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)+$/;
/** Host name of a route: lower case, no port, no wildcard. */
export const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
/** Path prefix of a route or path of a probe; no query, and nothing that could end a Traefik rule or start a template. */
export const URL_PATH = /^\/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$/;

export const appName = z.string().regex(APP_NAME, `must match ${APP_NAME.source}`);
export const releaseId = z.string().regex(RELEASE_ID, `must match ${RELEASE_ID.source}`);
export const digest = z.string().regex(DIGEST, 'must be sha256:<64 hex>');
export const operationId = z.string().regex(OPERATION_ID, `must match ${OPERATION_ID.source}`);
export const secretName = z.string().regex(SECRET_NAME, `must match ${SECRET_NAME.source}`);
/** A secret that is sent; those on record from before are read by `secretName`. */
export const sentSecretName = secretName.refine((name) => !RESERVED_NAME.test(name), 'is reserved');
export const serviceName = z.string().regex(SERVICE_NAME, `must match ${SERVICE_NAME.source}`);
export const imageByDigest = z.string().regex(IMAGE_BY_DIGEST, 'must be <repository>@sha256:<64 hex>');
export const hostName = z.string().regex(HOST_NAME, 'must be a lower-case host name without port');
export const urlPath = z.string().regex(URL_PATH, 'must start with / and hold no query, space or brace');
export const isoTime = z.iso.datetime({ offset: true });
export const colour = z.enum(['blue', 'green']);
export const role = z.enum(['web', 'worker', 'scheduler', 'job', 'backing', 'edge']);

export type Colour = z.infer<typeof colour>;
export type Role = z.infer<typeof role>;

/** The colour that is not `live`; a first deploy (null) starts with blue. */
export function idleColour(live: Colour | null): Colour {
  return live === 'blue' ? 'green' : 'blue';
}

/** `<UTC yyyymmddThhmmssZ>-<first 7 hex of the commit>`; sorts by time. Throws ContractError `commit` for anything but a hex commit id. */
export function makeReleaseId(date: Date, commit: string): string {
  if (!COMMIT.test(commit)) {
    throw new ContractError(
      'commit',
      `commit: "${commit.slice(0, 80)}" is not a commit id (7 to 64 lower-case hex digits)`,
    );
  }
  if (Number.isNaN(date.getTime())) throw new ContractError('date', 'date: not a valid date');
  const stamp = date.toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '');
  return `${stamp}-${commit.slice(0, 7)}`;
}
