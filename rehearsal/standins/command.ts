/** Runs one command of the machine and gives its output, or throws with the end of what it said. */
import { spawn } from 'node:child_process';

export interface CommandOptions {
  /** Written to stdin, which is closed afterwards; without it stdin is empty. */
  input?: string | Buffer;
  /** Added to the environment of this process. */
  env?: Record<string, string>;
  cwd?: string;
  /** Milliseconds after which the command is killed. */
  timeoutMs?: number;
  /** Gets each line of both output streams while the command runs. */
  onLine?: (line: string) => void;
}

export interface CommandResult {
  /** Exit code; 127 where the program is missing, 137 after a timeout. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end, whatever its exit code. */
export function attempt(program: string, argv: string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(program, argv, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const timer =
      options.timeoutMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), options.timeoutMs);
    const listen = (into: Buffer[]) => (chunk: Buffer) => {
      into.push(chunk);
      if (options.onLine) for (const line of chunk.toString().split('\n')) if (line.trim()) options.onLine(line);
    };
    child.stdout.on('data', listen(stdout));
    child.stderr.on('data', listen(stderr));
    // A command may end before it has read its input; its exit code then says more than the broken pipe.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 127, stdout: '', stderr: error.message });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({
        code: code ?? 137,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      });
    });
  });
}

/**
 * Runs a command that has to succeed and gives its stdout without the last newline.
 *
 * @throws Error naming the program, its first arguments, its exit code and the last lines that it wrote.
 */
export async function run(program: string, argv: string[], options: CommandOptions = {}): Promise<string> {
  const result = await attempt(program, argv, options);
  if (result.code === 0) return result.stdout.trimEnd();
  const said = (result.stderr + (result.stderr.trim() === '' ? result.stdout : ''))
    .trim()
    .split('\n')
    .slice(-12)
    .join('\n');
  throw new Error(`${program} ${argv.slice(0, 3).join(' ')} ended with code ${result.code}:\n${said}`);
}
