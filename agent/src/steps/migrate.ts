import { join } from 'node:path';
import { renderJobs } from '@delivery/stack';
import type { Manifest } from '@delivery/release';
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

export function hasJobs(manifest: Manifest): boolean {
  return Object.values(manifest.services).some(({ role }) => role === 'job');
}
