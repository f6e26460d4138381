import { join } from 'node:path';
import { renderJobs } from '@delivery/stack';
import type { RenderedJob } from '@delivery/stack';
import { declaresSchema, needsMigration, schemaAfter, schemaDuring } from '@delivery/release';
import type { Manifest, SchemaState } from '@delivery/release';
import { projectContainers } from '../colour.ts';
import type { Docker } from '../docker.ts';
import { writeAtomically } from '../files.ts';
import { StepError } from '../failure.ts';
import type { Report } from '../operation.ts';
import { releaseDirectory } from '../paths.ts';
import type { Run } from '../run.ts';
import { noteSchema } from '../schema.ts';

/** Time between SIGTERM and SIGKILL for a job that took too long. */
const GRACE_SECONDS = 10;
/** Lines of a failed job that the result carries. */
const LAST_LINES = 20;

/**
 * Brings the database to the release's schema beside the live release, which goes on serving: backups first, where the schema number
 * rises, then the migrations, one after the other in the file's order, each once. The first that fails or takes too long ends the
 * deploy. A database that has the schema already is left alone.
 * @param schema the database as the deploy found it
 * @param backing starts the backing services
 * @returns whether jobs ran, and with them the backing services
 */
export async function migrate(
  run: Run,
  { manifest, schema }: { manifest: Manifest; schema: SchemaState | null },
  sealed: string,
  report: Report,
  backing: () => Promise<unknown>,
): Promise<boolean> {
  const declared = declaresSchema(manifest);
  const after = declared ? schemaAfter(schema, manifest) : schema;
  const needed = needsMigration(schema, manifest);
  if (!needed || !hasJobs(manifest)) {
    if (needed && after !== null) noteSchema(run.paths, after);
    report.schema = after;
    run.events.skipped('migrate', needed ? 'the release declares no job' : atSchema(schema));
    return false;
  }
  await run.events.step('migrate', async (note) => {
    await backing();
    const project = await openJobs(run, manifest, sealed);
    if (declared) for (const job of project.jobs.filter(({ purpose }) => purpose === 'backup')) await project.run(job);
    report.migrated = true;
    if (declared) noteSchema(run.paths, (report.schema = schemaDuring(schema, manifest)));
    for (const job of project.jobs.filter(({ purpose }) => purpose === 'migration')) await project.run(job);
    if (after !== null) noteSchema(run.paths, after);
    report.schema = after;
    const ran = project.ran.join(', ');
    note(declared ? `${ran}; the database is at schema ${String(manifest.schema.after)}` : ran);
  });
  return true;
}

function atSchema(schema: SchemaState | null): string {
  return `the database is at schema ${String(schema?.number ?? 0)} already`;
}

interface Jobs {
  jobs: RenderedJob[];
  /** Names of the jobs that have ended well. */
  ran: string[];
  run: (job: RenderedJob) => Promise<void>;
}

async function openJobs(run: Run, manifest: Manifest, sealed: string): Promise<Jobs> {
  const project = renderJobs({ sealed, manifest });
  const directory = releaseDirectory(run.paths, manifest.release);
  const file = join(directory, 'jobs.yaml');
  writeAtomically(file, project.text);
  await Promise.all(project.volumes.map((volume) => run.docker.ensureVolume(volume, { 'delivery.app': run.app })));
  await noJobsOfBefore(run, project.project);
  const ran: string[] = [];
  return {
    jobs: project.containers,
    ran,
    run: async (job) => {
      const container = `${project.project}-${job.name}`;
      const target = { name: project.project, file, directory, env: run.paths.env };
      try {
        await run.docker.compose(target, ['run', '--detach', '--no-deps', '-T', '--name', container, job.name]);
      } catch (error) {
        throw new StepError('job_failed', `${title(job)}: cannot be started: ${(error as Error).message}`);
      }
      await awaitJob(run.docker, job, container);
      ran.push(job.name);
    },
  };
}

/**
 * Waits until the job's container has ended and removes it. Throws StepError `job_failed` or `job_timeout` (`backup_failed`,
 * `backup_timeout`) with the container's last lines; a container that takes longer than the job may is stopped before.
 */
export async function awaitJob(
  docker: Pick<Docker, 'container' | 'wait' | 'stop' | 'logs' | 'remove'>,
  job: Pick<RenderedJob, 'name' | 'purpose' | 'timeoutSeconds'>,
  name: string,
): Promise<void> {
  const code = job.purpose === 'backup' ? 'backup' : 'job';
  const stays = 'visitors stay on the live release';
  const exit = await docker.wait(name, job.timeoutSeconds * 1000);
  const container = await docker.container(name);
  if (exit === null && container !== null) await docker.stop(container, GRACE_SECONDS);
  const logs = exit === 0 || container === null ? [] : await docker.logs(container.id, LAST_LINES);
  if (container !== null) await docker.remove(container.id);
  if (exit === null)
    throw new StepError(
      `${code}_timeout`,
      `${title(job)}: was stopped after ${String(job.timeoutSeconds)} seconds (timeoutSeconds); ${stays}`,
      logs,
    );
  if (exit !== 0)
    throw new StepError(`${code}_failed`, `${title(job)}: ended with exit code ${String(exit)}; ${stays}`, logs);
}

function title({ name, purpose }: Pick<RenderedJob, 'name' | 'purpose'>): string {
  return purpose === 'backup' ? `backup ${name}` : `job ${name}`;
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
