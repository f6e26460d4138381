import { parse } from 'yaml';
import type { Colour } from '@delivery/release';
import { colourProject, projectContainers, replicas } from './colour.ts';
import type { Replica } from './colour.ts';
import type { Container } from './container.ts';
import { graceOf } from './retire.ts';
import type { Run, Target } from './run.ts';
import { renderTarget, startColour } from './steps/start.ts';
import { readRelease } from './store.ts';

/** Ends a colour's workers and schedulers before those of the other start that must not run beside them: no work is done twice. */
export async function stopWorkers(run: Pick<Run, 'docker'>, colour: Replica[]): Promise<void> {
  const workers = colour.filter(({ spec, container }) => spec.role !== 'web' && container.running);
  await stopAll(
    run,
    workers.map(({ container }) => container),
  );
}

/** Starts the colour's workers and schedulers, new or stopped ones; those that started beside the other colour run already. */
export async function startWorkers(
  run: Run,
  target: Pick<Target, 'manifest' | 'colour' | 'project'>,
  sealed: string,
): Promise<void> {
  if (!target.project.containers.some(({ role }) => role !== 'web')) return;
  const { project, file } = renderTarget(run, target.manifest, sealed, target.colour);
  await startColour(run, target.manifest.release, project, file, run.paths.env, 'after');
  await restorePolicies(run, target);
}

/** The same for whatever releases the containers of a colour are of, such as those that an operation left when it died. */
export async function stopWorkersIn(run: Pick<Run, 'app' | 'paths' | 'docker'>, colour: Colour): Promise<void> {
  const found = await projectContainers(run.docker, colourProject(run.app, colour));
  const workers = found.filter(({ running, labels }) => {
    const release = readRelease(run.paths, labels['delivery.release'] ?? '');
    return running && release?.manifest.services[labels['delivery.service'] ?? '']?.role !== 'web' && release !== null;
  });
  await stopAll(run, workers);
}

async function stopAll(run: Pick<Run, 'docker'>, workers: Container[]): Promise<void> {
  await Promise.all(
    workers.map(async (container) => {
      await run.docker.restartPolicy(container.id, 'no');
      await run.docker.stop(container, graceOf(container));
    }),
  );
}

/** Containers that were stopped as an old colour lost their restart policy then, and get it back. */
export async function restorePolicies(run: Pick<Run, 'docker'>, { project }: Pick<Target, 'project'>): Promise<void> {
  const policies = restartPolicies(project.text);
  const live = await replicas(run.docker, project);
  await Promise.all(
    live.map(({ container, spec }) => run.docker.restartPolicy(container.id, policies.get(spec.name) ?? 'no')),
  );
}

/** Restart policy by service of a rendered project. */
export function restartPolicies(text: string): Map<string, string> {
  const document = parse(text) as { services?: Record<string, { restart?: string }> };
  return new Map(Object.entries(document.services ?? {}).map(([name, { restart }]) => [name, restart ?? 'no']));
}
