import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { DockerError } from './engine.ts';

/** A rendered project on disk; `env` is the file that its variables are filled from. */
export interface ComposeProject {
  name: string;
  file: string;
  directory: string;
  env: string | null;
}

export type ComposeClient = ChildProcessByStdio<null, Readable, Readable>;

/**
 * The compose client itself, where the distribution puts it: through `docker compose` the docker client starts first and asks each of its
 * plugins for its name, which costs some 80 ms at best, in the middle of a deploy.
 */
const PLUGIN = ['libexec', 'lib']
  .map((at) => `/usr/${at}/docker/cli-plugins/docker-compose`)
  .find((path) => existsSync(path));

/**
 * Runs the compose client on a rendered project. It never pulls and never builds, so it needs no login; its configuration is an
 * empty directory of this run.
 * @returns the client's output (both streams); throws DockerError with its last lines when it fails
 */
export async function runCompose(socket: string, project: ComposeProject, command: string[]): Promise<string> {
  const child = startCompose(socket, project, command);
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
  const code = await ended(child);
  const text = output.join('');
  if (code !== 0)
    throw new DockerError(
      500,
      `docker compose ${command[0] ?? ''}: exit ${String(code)}: ${text.trim().split('\n').slice(-6).join(' | ')}`,
      text.trim(),
    );
  return text;
}

/** Starts the compose client as `runCompose` does and leaves its output and its end to the caller. */
export function startCompose(
  socket: string,
  project: ComposeProject,
  command: string[],
  progress: 'plain' | 'quiet' = 'plain',
): ComposeClient {
  const config = '/tmp/docker-config';
  mkdirSync(config, { recursive: true, mode: 0o700 });
  const env = project.env === null ? [] : ['--env-file', project.env];
  const options = [
    ...(PLUGIN === undefined ? ['compose'] : []),
    '--ansi',
    'never',
    '--progress',
    progress,
    '-p',
    project.name,
    '-f',
    project.file,
    '--project-directory',
    project.directory,
    ...env,
  ];
  return spawn(PLUGIN ?? 'docker', [...options, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Nothing of the agent's own environment may fill a variable of the compose file.
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: '/tmp',
      DOCKER_CONFIG: config,
      DOCKER_HOST: `unix://${socket}`,
    },
  });
}

/** Exit code of a child once its output is complete; null where a signal ended it. */
export function ended(child: ComposeClient): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
}
