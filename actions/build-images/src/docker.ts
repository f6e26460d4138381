import { setTimeout as sleep } from 'node:timers/promises';
import * as core from '@actions/core';
import { getExecOutput } from '@actions/exec';

export interface DockerResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface DockerOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** Sent to standard input; the place for secrets, which never stand among the arguments. */
  input?: string;
  onStderrLine?: (line: string) => void;
}

/** Runs the docker client without a shell. The exit code is a result, not an error. */
export async function docker(args: readonly string[], options: DockerOptions = {}): Promise<DockerResult> {
  const { env, cwd, input, onStderrLine } = options;
  const { exitCode, stdout, stderr } = await getExecOutput('docker', [...args], {
    silent: true,
    ignoreReturnCode: true,
    env: { ...environment(), ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(input === undefined ? {} : { input: Buffer.from(input) }),
    ...(onStderrLine === undefined ? {} : { listeners: { errline: onStderrLine } }),
  });
  return { code: exitCode, stdout, stderr };
}

/** What buildx says of a registry that was busy, restarted or lost a connection. A refusal by name, such as 401 or 403, is not among it. */
const PASSING =
  /^ERROR: .*(?:unexpected status from [A-Z]+ request to \S+: (?:429|5\d\d)\b|connection reset by peer|unexpected EOF|: EOF$|i\/o timeout|TLS handshake timeout|connection refused|broken pipe)/;
/** Pauses before another try, seconds. */
const PAUSES = [1, 4];

/**
 * The same for a command that pushes. Where the registry's trouble may pass it is run again: layers that were built and pushed are not
 * built and pushed twice.
 * @returns with the lines that the last try wrote to standard error
 */
export async function dockerPush(
  args: readonly string[],
  options: DockerOptions,
  pauses: readonly number[] = PAUSES,
): Promise<DockerResult & { lines: string[] }> {
  for (let tries = 0; ; tries += 1) {
    const lines: string[] = [];
    const result = await docker(args, {
      ...options,
      onStderrLine: (line) => {
        lines.push(line);
        options.onStderrLine?.(line);
      },
    });
    const trouble = lines.findLast((line) => PASSING.test(line));
    const pause = pauses[tries];
    if (result.code === 0 || trouble === undefined || pause === undefined) return { ...result, lines };
    core.warning(`${trouble.replace(/^ERROR: /, '').slice(0, 300)}; trying again in ${String(pause)} s`);
    await sleep(pause * 1000);
  }
}

/** The action's own environment without its inputs, some of which are secrets. */
export function environment(): Record<string, string> {
  const entries = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries.filter(([name]) => !name.startsWith('INPUT_')));
}

/** What the builder at hand can do. */
export interface Builder {
  buildx: string;
  server: string;
  /** Of the Docker server: what an image is built for unless the compose file says otherwise. */
  platform: string;
  /** Attestations and cache export need BuildKit's own store: the containerd image store or a builder of another driver. */
  fullStore: boolean;
}

/** @throws Error naming what is missing: the docker client, its server, or buildx */
export async function checkBuilder(): Promise<Builder> {
  let answers: DockerResult[];
  try {
    answers = await Promise.all([
      docker(['version', '--format', '{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}']),
      docker(['buildx', 'version']),
      docker(['buildx', 'inspect']),
      docker(['info', '--format', '{{json .DriverStatus}}']),
    ]);
  } catch {
    throw new Error('This runner has no docker client in its PATH: build-images needs Docker 23 or newer with buildx');
  }
  const [server, buildx, inspect, info] = answers as [DockerResult, DockerResult, DockerResult, DockerResult];
  if (server.code !== 0) throw new Error(`This runner's Docker server does not answer: ${lastLine(server.stderr)}`);
  if (buildx.code !== 0)
    throw new Error(
      "This runner has Docker without buildx: install the package docker-buildx (docker-buildx-plugin in Docker's own repository)",
    );
  const [version = '', platform = ''] = server.stdout.trim().split(' ');
  const driver = /^Driver:\s*(\S+)/m.exec(inspect.stdout)?.[1] ?? 'docker';
  return {
    buildx: buildx.stdout.trim().split(/\s+/)[1] ?? '',
    server: version,
    platform,
    fullStore: driver !== 'docker' || info.stdout.includes('io.containerd.snapshotter'),
  };
}

export function lastLine(text: string): string {
  return text.trim().split(/\r?\n/).at(-1)?.trim() ?? '';
}
