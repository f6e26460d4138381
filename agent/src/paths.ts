import { join } from 'node:path';

/** Where things are on the host; the agent sees them under the same paths (compose resolves bind mounts by them). */
export interface Paths {
  app: string;
  env: string;
  /** `.env` as it was before the deploy in progress; gone once that is confirmed. */
  envBefore: string;
  /** What the owner allows; written by provisioning, absent where nothing was said. */
  policy: string;
  ledger: string;
  releases: string;
  /** Hashed files of the kept releases, by service and path in the image. */
  assets: string;
  /** Where migrations have brought the database; gone once the ledger says it. */
  schema: string;
  backing: string;
  runs: string;
  lock: string;
  owner: string;
  /** The highest generation that was ever written into a route file here, taken back or not. */
  generation: string;
  /**
   * The route file as it was before the switch in progress; gone once the switch is on record. On the file system of the route file,
   * so that going back is a rename, which a full disk does not stop.
   */
  routeBefore: string;
  edge: string;
  route: string;
  routeName: string;
  dynamic: string;
  staging: string;
  /** `ca.pem`, and the certificates that came as files. */
  certificates: string;
  /** Where the agent listens while it watches a release; the directory is provisioning's. */
  socket: string;
  /** The dynamic file that names the app's own certificate; no app name has a dot, so it is no app's route file. */
  tls: string;
  certificate: string;
  certificateKey: string;
  /** Held while claims are compared and a route file is written. */
  edgeLock: string;
  /** What each app keeps of images, one file an app; the lock beside it is held while images are removed. */
  kept: string;
  keptLock: string;
}

/** @param root for tests only; the host layout has everything under /opt */
export function hostPaths(app: string, root = '/opt'): Paths {
  const base = join(root, app);
  const edge = join(root, 'edge');
  return {
    app: base,
    env: join(base, '.env'),
    envBefore: join(base, '.env.before'),
    policy: join(base, 'policy.json'),
    ledger: join(base, 'ledger.jsonl'),
    releases: join(base, 'releases'),
    assets: join(base, 'assets'),
    schema: join(base, 'schema.json'),
    backing: join(base, 'backing.yaml'),
    runs: join(base, 'runs'),
    lock: join(base, 'lock'),
    owner: join(base, 'owner.json'),
    generation: join(base, 'generation'),
    routeBefore: join(edge, 'staging', `${app}-before.yaml`),
    edge,
    routeName: `${app}.yaml`,
    route: join(edge, 'dynamic', `${app}.yaml`),
    dynamic: join(edge, 'dynamic'),
    staging: join(edge, 'staging'),
    certificates: join(edge, 'certs'),
    socket: join(edge, 'run', `${app}.sock`),
    tls: join(edge, 'dynamic', `${app}.tls.yaml`),
    certificate: join(edge, 'certs', `${app}.tls.crt`),
    certificateKey: join(edge, 'certs', `${app}.tls.key`),
    edgeLock: join(edge, 'lock'),
    kept: join(edge, 'kept'),
    keptLock: join(edge, 'kept.lock'),
  };
}

/** The directory of one release; `release` has been checked against the release id's pattern, so it is one path part. */
export function releaseDirectory(paths: Paths, release: string): string {
  return join(paths.releases, release);
}
