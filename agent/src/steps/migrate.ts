import type { Rendered } from '@delivery/stack';
import { DockerError } from '../docker.ts';
import { StepError } from '../failure.ts';
import type { Run } from '../run.ts';

/** Runs the release's jobs (migrations), one after the other in the file's order, each once; the first that fails ends the deploy. */
export async function runJobs(run: Run, project: Rendered, file: string, directory: string, env: string): Promise<void> {
  for (const { name, service } of jobsOf(project)) {
    try {
      await run.docker.compose({ name: project.project, file, directory, env }, ['run', '--rm', '--no-deps', '-T', '--pull', 'never', name]);
    } catch (error) {
      const logs = error instanceof DockerError ? error.message.split(' | ') : [];
      throw new StepError('job_failed', `job ${service}: ended with an error; the live release was not touched`, logs);
    }
  }
}

export function jobsOf(project: Rendered): Rendered['containers'] {
  return project.containers.filter(({ role }) => (role as string) === 'job');
}
