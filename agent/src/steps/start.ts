import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Colour, Manifest } from '@delivery/release';
import { renderBacking, renderColour } from '@delivery/stack';
import type { Rendered } from '@delivery/stack';
import { addressesOf, colourProject, projectContainers, replicas, startsBeside } from '../colour.ts';
import { DockerError } from '../docker/engine.ts';
import { readIfThere, writeAtomically } from '../files.ts';
import { StepError } from '../failure.ts';
import { releaseDirectory } from '../paths.ts';
import type { Paths } from '../paths.ts';
import type { Run } from '../run.ts';
import { drain } from './drain.ts';
import { routedNow } from './route.ts';

/** Time that a leftover of the idle colour gets to end: it has been without traffic since it was drained. */
const LEFTOVER_GRACE_SECONDS = 5;

export function colourFile(run: Pick<Run, 'paths'>, release: string, colour: Colour): string {
  return join(releaseDirectory(run.paths, release), `colour-${colour}.yaml`);
}

/**
 * Removes every container of a colour that is not live: the previous release's, or what a killed run left. Such a run may have ended
 * while connections to it were still open, so these get their `seconds` here. Throws StepError `routed` where the edge routes to it.
 */
export async function removeColour(
  run: Pick<Run, 'docker' | 'app' | 'paths'>,
  colour: Colour,
  seconds: number,
): Promise<number> {
  refuseRouted(run.paths, colour);
  const leftovers = await projectContainers(run.docker, colourProject(run.app, colour));
  await drain(addressesOf(leftovers.filter(({ running, paused }) => running && !paused)), seconds);
  await Promise.all(
    leftovers.map(async (container) => {
      // A container whose state Docker has wrong (frozen by its books, not in the kernel) cannot be stopped; removal by force ends it.
      if (container.running) await run.docker.stop(container, LEFTOVER_GRACE_SECONDS).catch(() => undefined);
      await run.docker.remove(container.id);
    }),
  );
  return leftovers.length;
}

/** Whatever the ledger says: what the edge routes to is what visitors are on. */
export function refuseRouted(paths: Paths, colour: Colour): void {
  const routed = routedNow(paths);
  if (routed?.colour === colour)
    throw new StepError(
      'routed',
      `colour ${colour}: the edge routes to it (release ${routed.release}, generation ${String(routed.generation)}); it stays`,
    );
}

/** Creates the app's network and those backing services that do not run yet. One that exists is never changed by a release. */
export async function startBacking(run: Run, manifest: Manifest, sealed: string, env: string): Promise<string[]> {
  await run.docker.ensureNetwork(run.app, { 'delivery.app': run.app });
  const project = renderBacking({ sealed, manifest });
  if (project.containers.length === 0) return [];
  const directory = releaseDirectory(run.paths, manifest.release);
  const present = await replicas(run.docker, project);
  const absent = project.containers.filter(
    ({ name }) => !present.some(({ spec, container }) => spec.name === name && container.running),
  );
  const before = readIfThere(run.paths.backing);
  if (absent.length === 0) {
    if (before !== project.text)
      run.events.log(
        'warning',
        'backing services: this release describes them differently; a release never changes them, so they stay as they are',
      );
    return [];
  }
  for (const { source, target } of project.files) {
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    cpSync(join(directory, source), target, { recursive: true });
  }
  writeAtomically(run.paths.backing, project.text);
  const names = absent.map(({ name }) => name);
  try {
    const target = { name: project.project, file: run.paths.backing, directory, env };
    await run.docker.compose(target, [
      'up',
      '-d',
      '--no-recreate',
      '--pull',
      'never',
      '--no-build',
      '--wait',
      '--wait-timeout',
      '120',
      ...names,
    ]);
  } catch (error) {
    throw new StepError('backing', `backing services ${names.join(', ')}: did not start: ${(error as Error).message}`);
  }
  return names;
}

/** Renders a release for a colour and keeps the text beside the release. */
export function renderTarget(
  run: Pick<Run, 'paths'>,
  manifest: Manifest,
  sealed: string,
  colour: Colour,
): { project: Rendered; file: string } {
  const project = renderColour({ sealed, manifest, colour });
  const file = colourFile(run, manifest.release, colour);
  writeAtomically(file, project.text);
  return { project, file };
}

/**
 * Starts those containers of the colour that may run beside the live ones (web, and what is declared safe), or, after the switch, its
 * workers and schedulers: two of them at once would do work twice.
 * @param env path of the env file that compose fills the variables from
 */
export async function startColour(
  run: Run,
  release: string,
  project: Rendered,
  file: string,
  env: string,
  when: 'beside' | 'after' = 'beside',
): Promise<void> {
  const names = project.containers
    .filter((container) => (when === 'beside' ? startsBeside(container) : container.role !== 'web'))
    .map(({ name }) => name);
  if (names.length === 0) return;
  await Promise.all(project.volumes.map((volume) => run.docker.ensureVolume(volume, { 'delivery.app': run.app })));
  try {
    const target = { name: project.project, file, directory: releaseDirectory(run.paths, release), env };
    await run.docker.compose(target, ['up', '-d', '--no-deps', '--pull', 'never', '--no-build', ...names]);
  } catch (error) {
    throw new StepError(
      error instanceof DockerError ? 'start' : 'internal',
      `colour ${project.project}: did not start: ${(error as Error).message}`,
    );
  }
}
