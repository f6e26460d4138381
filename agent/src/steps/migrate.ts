import { join } from 'node:path';
import { renderJobs } from '@delivery/stack';
import type { Manifest } from '@delivery/release';
import { projectContainers } from '../colour.ts';
import { DockerError } from '../docker.ts';
import { writeAtomically } from '../files.ts';
import { StepError } from '../failure.ts';
import { releaseDirectory } from '../paths.ts';
import type { Run } from '../run.ts';

/**
 * Runs the release's jobs (migrations), one after the other in the file's order, each once, beside the live release; the first that
 * fails ends the deploy.
 * @returns names of the jobs that ran
 */
export async function runJobs(run: Run, manifest: Manifest, sealed: string, env: string): Promise<string[]> {
  const project = renderJobs({ sealed, manifest });
  const directory = releaseDirectory(run.paths, manifest.release);
  const file = join(directory, 'jobs.yaml');
  writeAtomically(file, project.text);
  await Promise.all(project.volumes.map((volume) => run.docker.ensureVolume(volume, { 'delivery.app': run.app })));
  await noJobsOfBefore(run, project.project);
  for (const { name } of project.containers) {
    try {
      await run.docker.compose({ name: project.project, file, directory, env }, [
        'run',
        '--rm',
        '--no-deps',
        '-T',
        name,
      ]);
    } catch (error) {
      const logs = error instanceof DockerError ? error.output.split('\n').slice(-20) : [];
      throw new StepError('job_failed', `job ${name}: ended with an error; visitors stay on the live release`, logs);
    }
  }
  return project.containers.map(({ name }) => name);
}

/**
 * A job outlives an agent that is killed, and a second one beside it could do harm to the data. One that runs is waited for by whoever
 * reads the refusal: only they know whether it may be ended. What has ended goes.
 */
export async function noJobsOfBefore(run: Pick<Run, 'docker'>, project: string): Promise<void> {
  const found = await projectContainers(run.docker, project);
  const alive = found.filter(({ running }) => running).map(({ name }) => name);
  if (alive.length > 0)
    throw new StepError(
      'job_running',
      `jobs: ${alive.join(', ')} of an operation that died still run; deploy again when they have ended, or end them on the host with docker stop`,
    );
  await Promise.all(found.map(({ id }) => run.docker.remove(id)));
}

export function hasJobs(manifest: Manifest): boolean {
  return Object.values(manifest.services).some(({ role }) => role === 'job');
}
