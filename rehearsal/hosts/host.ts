/** A test host: a container that is reached through `docker exec`. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run } from '../standins/command.ts';

export interface ExecResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ExecOptions {
  /** Written to stdin, which is closed afterwards. */
  input?: string | Buffer;
  env?: Record<string, string>;
  cwd?: string;
  /** After this the command is stopped inside the host; its exit code is then 124. */
  timeoutMs?: number;
  user?: string;
}

export interface TestHost {
  container: string;
  /** Runs a command to its end, whatever its exit code. */
  exec(argv: string[], options?: ExecOptions): Promise<ExecResult>;
  /** Starts a command; the child's streams are those of the command. `input` and `timeoutMs` do not apply. */
  spawn(argv: string[], options?: ExecOptions): ChildProcess;
  /** Writes a file as root and makes its directories; mode 0644 where none is given. */
  write(path: string, content: string | Buffer, mode?: number): Promise<void>;
}

/** Absolute path of the docker client: commands get an environment of their own, and PATH may be in it. */
function dockerClient(): string {
  const directories = (process.env['PATH'] ?? '').split(':').concat('/usr/bin', '/usr/local/bin');
  return directories.map((directory) => join(directory, 'docker')).find((file) => existsSync(file)) ?? 'docker';
}

/** Arguments and environment of the docker client for a command on a host. Values ride in the environment, not in argv. */
function execArguments(
  container: string,
  argv: string[],
  options: ExecOptions,
): { argv: string[]; env: Record<string, string> } {
  const flags: string[] = [];
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.env ?? {})) {
    // These would change the client itself; none of them is a secret.
    if (/^(?:PATH|HOME|DOCKER_.*|LD_.*|BUILDX_.*)$/.test(name)) flags.push('-e', `${name}=${value}`);
    else {
      flags.push('-e', name);
      env[name] = value;
    }
  }
  if (options.cwd !== undefined) flags.push('-w', options.cwd);
  if (options.user !== undefined) flags.push('-u', options.user);
  const limit = options.timeoutMs === undefined ? [] : ['timeout', '-k', '2', `${options.timeoutMs / 1000}`];
  return { argv: ['exec', '-i', ...flags, container, ...limit, ...argv], env };
}

/** Gives the host that a container is. */
export function testHost(container: string): TestHost {
  const host: TestHost = {
    container,
    exec(argv, options = {}) {
      const call = execArguments(container, argv, options);
      return attempt(dockerClient(), call.argv, {
        env: call.env,
        ...(options.input === undefined ? {} : { input: options.input }),
      });
    },
    spawn(argv, options = {}) {
      const { timeoutMs: _, ...rest } = options;
      const call = execArguments(container, argv, rest);
      return spawn(dockerClient(), call.argv, {
        env: { ...process.env, ...call.env },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
    },
    async write(path, content, mode = 0o644) {
      // A name of its own beside the target, then a rename: no reader sees half a file, no other umask a secret.
      const script =
        'umask 077; mkdir -p "$(dirname "$1")" 2>/dev/null || true; cat > "$1.$3" && chmod "$2" "$1.$3" && mv -f "$1.$3" "$1"';
      const unique = createHash('sha256').update(`${process.pid}${process.hrtime.bigint()}`).digest('hex').slice(0, 8);
      await run(
        dockerClient(),
        [
          'exec',
          '-i',
          container,
          'sh',
          '-c',
          `[ -d "$(dirname "$1")" ] || install -d -m 0755 "$(dirname "$1")"; ${script}`,
          'write',
          path,
          mode.toString(8),
          unique,
        ],
        {
          input: content,
        },
      );
    },
  };
  return host;
}

/** Runs a command on a host that has to succeed; gives its stdout without the last newline. */
export async function must(host: TestHost, argv: string[], options?: ExecOptions): Promise<string> {
  const result = await host.exec(argv, options);
  if (result.code === 0) return result.stdout.trimEnd();
  throw new Error(
    `${argv.slice(0, 3).join(' ')} on ${host.container} ended with code ${result.code}: ${result.stderr.trim()}`,
  );
}
