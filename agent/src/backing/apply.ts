import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackingChange, BackingDifference, Manifest } from '@delivery/release';
import type { Rendered } from '@delivery/stack';
import { parse } from 'yaml';
import { replicas } from '../colour.ts';
import type { Inspected } from '../docker/remake.ts';
import { StepError, toStepError } from '../failure.ts';
import { readIfThere, writeAtomically } from '../files.ts';
import { liveRelease } from '../live.ts';
import type { LiveRelease } from '../live.ts';
import type { Report } from '../operation.ts';
import { releaseDirectory } from '../paths.ts';
import { recover } from '../recover.ts';
import type { Run } from '../run.ts';
import { pullError } from '../steps/pull-error.ts';
import { PublicPath } from './blip.ts';
import type { Blip } from './blip.ts';
import { backingDifferences, backingProject, changedIn, filesOf } from './difference.ts';

/** Seconds that compose waits for a health check, or for a container that runs. */
const HEALTHY_SECONDS = 120;
/** A container that runs for this long and was not restarted has not failed at its start. Milliseconds. */
const STEADY_MS = 2_000;

/**
 * Brings the backing services to what the live release describes: only those that differ, each on its own, in the order of their
 * dependencies. One that does not become healthy is taken away and the container of before is made again; what comes after it is left
 * as it is. What visitors noticed is measured on the public path, for each service.
 */
export async function applyBacking(run: Run, report: Report): Promise<void> {
  const { events, paths, docker } = run;
  const { release, pending } = await events.step('plan', async (note) => {
    report.truth = await recover(run);
    const found = liveRelease(paths);
    if (found === null) throw new StepError('no_release', 'backing: no release is live here, so nothing is described');
    report.release = found.manifest.release;
    report.digest = found.digest;
    report.colour = found.colour;
    const differences = await backingDifferences(docker, paths, found);
    const changes = inOrder(
      differences.filter(({ action }) => action === 'create' || action === 'recreate'),
      found.sealed,
    );
    note(
      changes.length === 0
        ? 'all as described'
        : changes.map(({ service, what }) => `${service}: ${what.join(', ')}`).join('; '),
    );
    return { release: found, pending: changes };
  });
  if (pending.length === 0) {
    report.outcome = 'unchanged';
    return;
  }
  await events.step('pull', () => pullMissing(run, release.manifest, pending));
  const { rendered, project } = backingProject(paths, release, readIfThere(paths.env) ?? '');
  for (const difference of pending) {
    await events.step('backing', async (note) => {
      const change = await applyOne(run, release, rendered, project, difference);
      report.backing.push(change.record);
      if (change.failure !== null) throw change.failure;
      note(said(change.record));
    });
  }
  // From here on this text is what the services were made from.
  writeAtomically(paths.backing, rendered.text);
}

/** Those that others depend on come first; else the order of the file. */
export function inOrder(changes: readonly BackingDifference[], sealed: string): BackingDifference[] {
  const { services = {} } = parse(sealed) as { services?: Record<string, { depends_on?: unknown }> };
  const needs = (name: string): string[] => {
    const value = services[name]?.depends_on;
    return Array.isArray(value) ? value.map(String) : Object.keys((value ?? {}) as object);
  };
  const ordered: string[] = [];
  const visit = (name: string, from: readonly string[]): void => {
    if (ordered.includes(name) || from.includes(name)) return;
    for (const other of needs(name)) visit(other, [...from, name]);
    ordered.push(name);
  };
  for (const name of Object.keys(services)) visit(name, []);
  return [...changes].sort((a, b) => ordered.indexOf(a.service) - ordered.indexOf(b.service));
}

async function pullMissing(run: Run, { services }: Manifest, pending: readonly BackingDifference[]): Promise<void> {
  for (const { service } of pending) {
    const image = services[service]?.image;
    if (image === undefined || (await run.docker.imageId(image)) !== null) continue;
    try {
      await run.docker.pull(image, run.envelope.registry);
    } catch (error) {
      throw pullError(image, error);
    }
  }
}

async function applyOne(
  run: Run,
  release: LiveRelease,
  rendered: Rendered,
  project: ReturnType<typeof backingProject>['project'],
  { service, action, what }: BackingDifference,
): Promise<{ record: BackingChange; failure: StepError | null }> {
  const { docker } = run;
  const began = performance.now();
  const present = (await replicas(docker, rendered)).find(({ spec }) => spec.service === service);
  const before = present === undefined ? null : await docker.inspect(present.container.id);
  const path = PublicPath.watch(run.paths, release.manifest);
  const wasSound = path !== null && (await path.soundWithin(2_000));
  const patience = patienceSeconds(release.manifest);
  const files = new Files(release, rendered, run, service);
  let done: BackingChange['action'] = action === 'create' ? 'created' : 'recreated';
  let failure: StepError | null = null;
  try {
    files.place();
    await Promise.all(rendered.volumes.map((volume) => docker.ensureVolume(volume, { 'delivery.app': run.app })));
    await docker.compose(project, [
      ...['up', '-d', '--no-deps', '--force-recreate', '--pull', 'never', '--no-build'],
      ...['--wait', '--wait-timeout', String(HEALTHY_SECONDS), service],
    ]);
    await steady(run, rendered, service);
    if (wasSound && !(await path.soundWithin(patience * 1000)))
      throw new StepError('unhealthy', `the public path does not answer soundly within ${String(patience)} s`);
    files.keep();
  } catch (error) {
    const reason = toStepError(error);
    const logs = await lastLines(run, rendered, service);
    files.restore();
    const back = before === null ? null : await putBack(run, rendered, service, before);
    done = back === null && before !== null ? 'restored' : 'lost';
    if (wasSound && done === 'restored') await path.soundWithin(patience * 1000);
    const end =
      before === null
        ? 'there was none before'
        : back === null
          ? 'the container of before is back'
          : `the container of before could not be put back: ${back}`;
    failure = new StepError('backing', `backing service ${service}: ${reason.message}; ${end}`, logs);
  }
  const blip = path === null ? null : await path.close();
  return {
    record: { service, action: done, what, durationMs: Math.round(performance.now() - began), ...noticed(blip) },
    failure,
  };
}

/**
 * Seconds for the public path to answer soundly again once the service is up. The app has to find it: at worst it is started anew for
 * that, and then has as long as its health contract gives it.
 */
function patienceSeconds({ health }: Manifest): number {
  return 2 * Math.max(...Object.values(health).map(({ deadlineSeconds }) => deadlineSeconds));
}

function noticed(blip: Blip | null): Partial<BackingChange> {
  return blip === null ? {} : { blipMs: blip.ms, failed: blip.failed, probes: blip.probes };
}

function said({ service, action, durationMs, blipMs, failed, probes }: BackingChange): string {
  const seen =
    blipMs === undefined
      ? 'the release has no route to watch'
      : `visitors noticed ${String(blipMs)} ms (${String(failed ?? 0)} of ${String(probes ?? 0)} probes failed)`;
  return `${service} ${action} in ${String(durationMs)} ms; ${seen}`;
}

/** Throws where the service's container ends or restarts right after its start. */
async function steady(run: Run, rendered: Rendered, service: string): Promise<void> {
  const look = async () =>
    (await replicas(run.docker, rendered)).find(({ spec }) => spec.service === service)?.container;
  const first = await look();
  await sleep(STEADY_MS);
  const second = await look();
  if (second === undefined || !second.running || second.restarting || second.restartCount > 0)
    throw new StepError(
      'unhealthy',
      `it ended with exit code ${String(second?.exitCode ?? 'unknown')} right after its start`,
    );
  if (first?.id !== second.id) throw new StepError('unhealthy', 'another container has taken its place');
}

async function lastLines(run: Run, rendered: Rendered, service: string): Promise<string[]> {
  const found = (await replicas(run.docker, rendered)).find(({ spec }) => spec.service === service);
  return found === undefined ? [] : run.docker.logs(found.container.id, 20).catch(() => []);
}

/** Null where the container of before runs again, else why not. */
async function putBack(run: Run, rendered: Rendered, service: string, before: Inspected): Promise<string | null> {
  const { docker } = run;
  try {
    for (const { spec, container } of await replicas(docker, rendered)) {
      if (spec.service !== service) continue;
      if (container.id === before.Id && container.running) return null;
      if (container.running) await docker.stop(container, 30);
      await docker.removeKeepingVolumes(container.id);
    }
    const id = await docker.remake(before);
    await docker.start(id);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The packed files of one backing service that changed: the ones of before stay beside them until the services are healthy. */
class Files {
  private readonly moved: string[] = [];
  private readonly made: string[] = [];
  private readonly files: Rendered['files'];
  private readonly directory: string;

  constructor(release: LiveRelease, rendered: Rendered, run: Pick<Run, 'paths'>, service: string) {
    this.files = filesOf(rendered, service).filter((file) => changedIn(release.manifest, file).length > 0);
    this.directory = releaseDirectory(run.paths, release.manifest.release);
  }

  place(): void {
    for (const { source, target } of this.files) {
      mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
      if (existsSync(target)) {
        rmSync(before(target), { recursive: true, force: true });
        renameSync(target, before(target));
        this.moved.push(target);
      } else this.made.push(target);
      cpSync(join(this.directory, source), target, { recursive: true });
    }
  }

  keep(): void {
    for (const target of this.moved) rmSync(before(target), { recursive: true, force: true });
  }

  restore(): void {
    for (const target of [...this.moved, ...this.made]) rmSync(target, { recursive: true, force: true });
    for (const target of this.moved) renameSync(before(target), target);
  }
}

function before(target: string): string {
  return `${target}.before`;
}
