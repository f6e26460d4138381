import { posix } from 'node:path';
import { ContractError } from '@delivery/release';

/** Where things are on the host. */
export const hostPaths = {
  envFile: (app: string): string => `/opt/${app}/.env`,
  releases: (app: string): string => `/opt/${app}/releases`,
  releaseFiles: (app: string, release: string): string => `/opt/${app}/releases/${release}/files`,
  /** The one place of the host that services may write to by path; everything else in /opt/<app> decides what runs. */
  data: (app: string): string => `/opt/${app}/data`,
  /** Hashed files of every kept release of a service, by their path in the image. */
  assets: (app: string, service: string): string => `/opt/${app}/assets/${service}`,
  /** Files of backing services outlive the release that brought them. */
  backingFiles: (app: string): string => `/opt/${app}/backing/files`,
};

/**
 * A path of the compose file that is to be packed, relative to its directory and normalised. Refuses variables (what to pack would be
 * unknown), absolute and home paths, and paths that lead outside. Throws ContractError `path`.
 */
export function packedPath(path: string, where: string): string {
  const refuse = (reason: string): ContractError =>
    new ContractError('path', `${where}: path ${JSON.stringify(path)} ${reason}`);
  if (path.includes('$')) throw refuse('holds a variable; what a release packs must be known when it is sealed');
  if (path.startsWith('/') || path.startsWith('~')) throw refuse("is outside of the compose file's directory");
  const normal = posix.normalize(path).replace(/\/$/, '');
  if (normal === '..' || normal.startsWith('../')) throw refuse("leads outside of the compose file's directory");
  if (normal === '.' || normal === '')
    throw refuse('is the whole directory of the compose file; name the files that are needed');
  return normal;
}

/** Whether a file is one of secrets by its name (`.env`, `.env.production`, `app.env`): it is never packed. */
export function isSecretsFile(path: string): boolean {
  return /(^|\.)env(\.|$)/.test(posix.basename(path));
}
