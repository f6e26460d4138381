import { statfsSync } from 'node:fs';
import {
  checkImages,
  checkRepository,
  idleColour,
  mergeEnvFile,
  missingSecrets,
  parseEnvFile,
  parseManifest,
} from '@delivery/release';
import type { Colour, Manifest, Policy, SchemaState } from '@delivery/release';
import { renderBacking, renderColour } from '@delivery/stack';
import { refuseClaimed } from '../claims.ts';
import { complete, replicas } from '../colour.ts';
import { READING } from '../container.ts';
import { readIfThere } from '../files.ts';
import { StepError } from '../failure.ts';
import { declaredMemory, hostMemory, mebibytes, refuseMemory } from '../memory.ts';
import type { DeclaredMemory } from '../memory.ts';
import type { Run } from '../run.ts';
import { planSchema } from '../schema.ts';
import { secretHashes, startedWith } from '../secrets.ts';
import { fetchSignature, readPolicy } from '../signature.ts';
import { readRelease, readReleaseOf } from '../store.ts';
import { pullError } from './pull-error.ts';
import { liveColourOf, liveNow, nextGeneration } from '../truth.ts';
import type { Truth } from '../truth.ts';
import { refuseStale } from './stale.ts';
import { VERSION, olderThan } from '../version.ts';

/** Longest life of a container in which an image is read. */
const READING_MAX_MS = 60_000;

/** Free space that a deploy needs before it pulls anything. */
export const DISK_MIN_BYTES = 1024 ** 3;

export interface DeployPlan {
  manifest: Manifest;
  digest: string;
  colour: Colour;
  generation: number;
  /** Files of the release image by relative path. */
  files: Map<string, Buffer>;
  policy: Policy | null;
  /** The sigstore bundle of the release image; null where there is none or nobody asks for one. */
  signature: string | null;
  /** Text of the `.env` that the release starts with. */
  env: string;
  /** Salted hashes of the secrets that the release names. */
  secrets: Record<string, string>;
  /** The database as the deploy finds it. */
  schema: SchemaState | null;
  /** The very same release with the very same secrets is serving already. */
  unchanged: boolean;
  /** The very same release is live already, with other secrets. */
  rotated: boolean;
}

/** What becomes of a reason not to deploy: a deploy ends on the first one, a plan for people has them all. */
export type Refuse = (reason: unknown) => void;

const end: Refuse = (reason) => {
  throw reason;
};

/**
 * Reads the release image and decides, before anything on the host changes, whether and where it can run.
 * @param refuse gets each reason not to deploy, by default by being thrown; what the plan cannot be made without is always thrown
 */
export async function planDeploy(
  run: Pick<Run, 'app' | 'paths' | 'docker' | 'events' | 'envelope'>,
  truth: Truth,
  digest: string,
  refuse: Refuse = end,
): Promise<DeployPlan> {
  const check = (work: () => void): void => {
    try {
      work();
    } catch (reason) {
      refuse(reason);
    }
  };
  check(refuseFullDisk);
  const policy = hostPolicy(run);
  const { files, signature } = await readReleaseImage(run, digest, policy);
  const manifest = parseManifest((files.get('manifest.json') ?? Buffer.alloc(0)).toString('utf8'));
  check(() => checkManifest(run.app, manifest));
  check(() => (policy === null ? undefined : checkImages(policy, manifest)));
  const colour = idleColour(liveColourOf(truth));
  // What a release cannot have on this host is refused here, while nothing has changed.
  const sealed = (files.get('compose.yaml') ?? Buffer.alloc(0)).toString('utf8');
  check(() => renderColour({ sealed, manifest, colour }));
  check(() => refuseClaimed(run, manifest));
  check(() => refuseReused(run.paths, manifest, digest));
  check(() => (run.envelope.options.allowOlder === true ? undefined : refuseStale(run.paths, truth, manifest)));
  let schema: SchemaState | null = null;
  check(() => (schema = planSchema(run, truth, manifest)));

  const envNow = readIfThere(run.paths.env) ?? '';
  const env = mergeEnvFile(envNow, run.envelope.secrets);
  const values = parseEnvFile(env);
  check(() => refuseMissing(manifest, values));
  check(() => refuseMemory(plannedMemory(run.paths, truth, { sealed, manifest, colour }, values), hostMemory()));
  const secrets = secretHashes(run.paths, manifest.secrets, values);
  // A service can take the whole file (env_file) or a name with a default: the text counts, not only the names on the manifest.
  const same = truth.running?.digest === digest;
  const otherSecrets = env !== envNow || !startedWith(truth.ledger, manifest.release, secrets);
  return {
    manifest,
    digest,
    files,
    policy,
    signature,
    env,
    secrets,
    schema,
    colour,
    generation: nextGeneration(truth),
    unchanged: same && !otherSecrets && (await isServing(run, truth, manifest)),
    rotated: same && otherSecrets,
  };
}

function refuseFullDisk(): void {
  const free = freeBytes();
  if (free < DISK_MIN_BYTES)
    throw new StepError(
      'disk_full',
      `disk: ${mebibytes(free)} free, at least ${mebibytes(DISK_MIN_BYTES)} are needed to pull a release`,
    );
}

function refuseReused(paths: Run['paths'], manifest: Manifest, digest: string): void {
  const kept = readRelease(paths, manifest.release);
  if (kept !== null && kept.digest !== digest)
    throw new StepError(
      'release_reused',
      `release ${manifest.release} is on this host already from another image (${kept.digest}); a release id is used once`,
    );
}

function refuseMissing(manifest: Manifest, values: Readonly<Record<string, string>>): void {
  const missing = missingSecrets(manifest.secrets, values);
  if (missing.length > 0)
    throw new StepError(
      'secrets_missing',
      `secrets: ${missing.join(', ')}: needed by release ${manifest.release}, neither sent with this deploy nor on the host`,
    );
}

/** What the release's colour, the live one and the backing services may take together. */
export function plannedMemory(
  paths: Run['paths'],
  truth: Pick<Truth, 'route' | 'running'>,
  next: { sealed: string; manifest: Manifest; colour: Colour },
  values: Readonly<Record<string, string>>,
): DeclaredMemory {
  const live = liveNow(truth);
  const stored = live === null ? null : readRelease(paths, live.release);
  const projects = [renderColour(next), renderBacking(next)];
  if (live !== null && live.colour !== null && stored !== null)
    projects.push(renderColour({ ...stored, colour: live.colour }));
  return declaredMemory(projects, values);
}

/** The owner's word on where releases come from; without one every caller's word is taken, and that is said. */
function hostPolicy(run: Pick<Run, 'paths' | 'events'>): Policy | null {
  const policy = readPolicy(run.paths);
  if (policy !== null) return policy;
  run.events.log(
    'warning',
    `${run.paths.policy} is missing: this host takes releases from any repository; provision-vps with its input repository names the one`,
  );
  return null;
}

async function readReleaseImage(
  run: Pick<Run, 'app' | 'paths' | 'docker' | 'envelope'>,
  digest: string,
  policy: Policy | null,
): Promise<{ files: Map<string, Buffer>; signature: string | null }> {
  const repository = run.envelope.repository;
  if (repository === undefined)
    throw new StepError(
      'envelope',
      'envelope: repository: is missing; deploy needs the repository of the release image',
    );
  if (policy !== null) checkRepository(policy, run.app, repository);
  // A digest names its content: what this host keeps need not be fetched again, nor is the registry needed for it.
  const kept = readReleaseOf(run.paths, digest);
  if (kept !== null && (kept.signature !== null || policy?.signatures === undefined)) return kept;
  const reference = `${repository}@${digest}`;
  // Side by side, and all of them ended before anything is said: each is one round trip to the registry.
  const [read, signed, cleared] = await Promise.allSettled([
    pullRelease(run, reference),
    policy?.signatures === undefined ? null : fetchSignature(run, repository, digest),
    clearReadings(run),
  ]);
  if (read.status === 'rejected') throw read.reason;
  if (signed.status === 'rejected') throw signed.reason;
  if (cleared.status === 'rejected') throw cleared.reason;
  return { files: read.value, signature: signed.value };
}

/** The files of the release image. They are kept in the release directory; the image itself has no further use. */
async function pullRelease(run: Pick<Run, 'docker' | 'envelope'>, reference: string): Promise<Map<string, Buffer>> {
  try {
    await run.docker.pull(reference, run.envelope.registry);
  } catch (error) {
    throw pullError(reference, error);
  }
  const files = await run.docker.readImage(
    reference,
    (path) => path === 'manifest.json' || path === 'compose.yaml' || path.startsWith('files/'),
  );
  void run.docker.removeImage(reference).catch(() => undefined);
  if (!files.has('manifest.json'))
    throw new StepError('no_release', `${reference}: holds no manifest.json, so it is not a release image`);
  return files;
}

/** Containers of images whose reader died. A reading takes less than a second; a young one may be another operation's. */
async function clearReadings(run: Pick<Run, 'docker'>): Promise<void> {
  const found = await run.docker.containers([READING]);
  const old = found.filter(({ labels: { [READING]: since } }) => {
    return since !== undefined && !(Date.now() - Date.parse(since) < READING_MAX_MS);
  });
  await Promise.all(old.map(({ id }) => run.docker.remove(id)));
}

function checkManifest(app: string, manifest: Manifest): void {
  if (manifest.app !== app)
    throw new StepError('other_app', `manifest: app: is "${manifest.app}", this door is for "${app}"`);
  if (olderThan(VERSION, manifest.agent.minimum)) {
    throw new StepError(
      'agent_too_old',
      `agent: release ${manifest.release} needs ${manifest.agent.minimum} or later, this host has ${VERSION}; run provision-vps first`,
    );
  }
}

/** Whether all containers of the live release are there and run. */
async function isServing(
  run: Pick<Run, 'paths' | 'docker'>,
  { running: live }: Truth,
  manifest: Manifest,
): Promise<boolean> {
  const stored = live === null ? null : readRelease(run.paths, live.release);
  if (live === null || live.colour === null || stored === null) return false;
  const project = renderColour({ sealed: stored.sealed, manifest, colour: live.colour });
  return complete(project, await replicas(run.docker, project));
}

/** The agent's own root lies on Docker's file system, whatever that is mounted from. */
export function freeBytes(): number {
  const { bavail, bsize } = statfsSync('/');
  return bavail * bsize;
}
