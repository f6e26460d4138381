import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DIGEST, compareSecrets, needsMigration, parseEnvFile } from '@delivery/release';
import type { BackingDifference, Envelope, Plan } from '@delivery/release';
import { compareReleases, renderJobs } from '@delivery/stack';
import { backingDifferences } from '../backing/difference.ts';
import { Docker } from '../docker.ts';
import type { Events } from '../events.ts';
import { toStepError } from '../failure.ts';
import { readIfThere } from '../files.ts';
import { planLines } from '../human-plan.ts';
import { holder } from '../lock.ts';
import { masker } from '../mask.ts';
import { hostMemory } from '../memory.ts';
import { hostSecrets } from '../secrets.ts';
import { DISK_MIN_BYTES, freeBytes, planDeploy, plannedMemory } from '../steps/plan.ts';
import type { DeployPlan } from '../steps/plan.ts';
import { verifyRelease, verifySignature } from '../steps/verify.ts';
import { readRelease } from '../store.ts';
import { liveNow, readTruth } from '../truth.ts';
import type { Truth } from '../truth.ts';
import { atMost, badCall, sayJson, sayLines } from './call.ts';
import type { Call } from './call.ts';

interface Planning extends Pick<Call, 'app' | 'paths'> {
  docker: Docker;
  envelope: Envelope;
  events: Events;
}

/**
 * `plan sha256:<64 hex>`, envelope on standard input: what a deploy of this digest would do now. Nothing on the host changes; the
 * release image is fetched to be read. Ends with 1 where a deploy would be refused.
 */
export async function plan({ app, paths, args, envelope: read, terminal }: Call): Promise<number> {
  const [digest] = args;
  atMost(args, 1, 'plan');
  if (digest === undefined || !DIGEST.test(digest)) throw badCall('plan: sha256:<64 hex> is needed');
  const envelope = read();
  const mask = masker([...Object.values(hostSecrets(paths)), ...Object.values(envelope.secrets)]);
  const notes: string[] = [];
  const events = { log: (_: string, message: string) => notes.push(mask(message)) } as unknown as Events;
  const docker = new Docker();
  // The salt of the secrets' hashes is made by the first deploy: a plan before it leaves none behind.
  const own = existsSync(join(paths.app, 'salt')) ? paths : { ...paths, app: tmpdir() };
  try {
    const found = await makePlan({ app, paths: own, docker, envelope, events }, digest, notes);
    const refusals = found.refusals.map(({ code, message }) => ({ code, message: mask(message) }));
    const said: Plan = { ...found, refusals };
    if (terminal) sayLines(planLines(said));
    else sayJson(said);
    return refusals.length === 0 ? 0 : 1;
  } finally {
    await docker.close();
  }
}

async function makePlan(run: Planning, digest: string, notes: string[]): Promise<Plan> {
  const truth = readTruth(run.paths);
  const owner = await holder(run.paths);
  if (owner !== null) notes.push(`${owner.verb} ${owner.operation} is under way: a deploy would have to wait for it`);
  const refusals: Plan['refusals'] = [];
  const refuse = (reason: unknown): void => {
    const { code, message } = toStepError(reason);
    refusals.push({ code, message });
  };
  const made = await planDeploy(run, truth, digest, refuse).catch((reason: unknown) => {
    refuse(reason);
    return null;
  });
  const empty = emptyPlan(run, truth, digest);
  if (made === null) return { ...empty, refusals, notes };
  const { os, architecture } = await run.docker.info();
  try {
    await verifySignature(run, made);
    verifyRelease(made.manifest, made.files, `${os}/${architecture}`);
  } catch (reason) {
    refuse(reason);
  }
  const details = await describe(run, truth, made).catch((reason: unknown) => {
    refuse(reason);
    return {};
  });
  return { ...empty, release: made.manifest.release, ...details, refusals, notes };
}

function emptyPlan({ app, paths }: Planning, truth: Truth, digest: string): Plan {
  const stored = liveNow(truth);
  const { limitBytes, availableBytes } = hostMemory();
  return {
    v: 1,
    app,
    digest,
    release: null,
    running: stored === null ? null : (readRelease(paths, stored.release)?.manifest.release ?? stored.release),
    colour: null,
    unchanged: false,
    rotated: false,
    images: { pull: [], present: 0 },
    services: { added: [], changed: [], removed: [], same: 0 },
    secrets: { missing: [], added: [], changed: [] },
    migrations: { jobs: [], from: null, to: null },
    disk: { freeBytes: freeBytes(), neededBytes: DISK_MIN_BYTES },
    memory: { neededBytes: 0, limitBytes, availableBytes, unlimited: [] },
    backing: [],
    refusals: [],
    notes: [],
  };
}

async function describe(run: Planning, truth: Truth, made: DeployPlan): Promise<Partial<Plan>> {
  const { manifest, colour } = made;
  const sealed = (made.files.get('compose.yaml') ?? Buffer.alloc(0)).toString('utf8');
  const next = { manifest, sealed };
  const live = liveNow(truth);
  const stored = live === null ? null : readRelease(run.paths, live.release);
  const references = [...new Set(Object.values(manifest.services).map(({ image }) => image))];
  const here = await Promise.all(references.map((reference) => run.docker.imageId(reference)));
  const values = parseEnvFile(made.env);
  const memory = plannedMemory(run.paths, truth, { ...next, colour }, values);
  const migrates = needsMigration(made.schema, manifest);
  return {
    colour,
    unchanged: made.unchanged,
    rotated: made.rotated,
    images: {
      pull: references.filter((_, index) => here[index] === null),
      present: here.filter((id) => id !== null).length,
    },
    services: compareReleases(stored, next),
    secrets: secretsOf(run, made, values),
    migrations: {
      jobs: migrates ? renderJobs(next).containers.map(({ name }) => name) : [],
      from: made.schema?.number ?? null,
      to: manifest.schema.after > 0 ? manifest.schema.after : null,
    },
    memory: { ...hostMemory(), neededBytes: memory.bytes, unlimited: memory.unlimited },
    backing: await backingOf(run, made, next),
  };
}

/** By name; of those that the release asks for, what is missing, and of those that were sent, what would be new or another. */
function secretsOf(run: Planning, { manifest }: DeployPlan, values: Readonly<Record<string, string>>): Plan['secrets'] {
  const { added, changed } = compareSecrets(parseEnvFile(readIfThere(run.paths.env) ?? ''), values);
  const missing = manifest.secrets.filter((name) => (values[name] ?? '') === '');
  return { missing, added, changed };
}

/** With the secrets as they would be: a variable of a backing service may be among them. */
async function backingOf(
  run: Planning,
  { manifest, env }: DeployPlan,
  next: { manifest: DeployPlan['manifest']; sealed: string },
): Promise<BackingDifference[]> {
  if (!Object.values(manifest.services).some(({ role }) => role === 'backing')) return [];
  return backingDifferences(run.docker, run.paths, next, env);
}
