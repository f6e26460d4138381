import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './process.ts';

export type ActionName = 'build-images' | 'provision-vps' | 'deploy-release' | 'verify-health' | 'rollback';
export type Inputs = Record<string, string>;

/** What a run of an action left behind. */
export interface ActionRun {
  code: number | null;
  /** stdout and stderr together, as a reader of the job's log sees them: without masks' and debug commands, which the runner takes out */
  log: string;
  outputs: Record<string, string>;
  summary: string;
  state: string;
  /** files that the action left in RUNNER_TEMP */
  left: string[];
  wallMs: number;
}

/** A started run: its end, and a way to kill the action's process (not its container) as a cancelled runner would. */
export interface Started {
  ended: Promise<ActionRun>;
  kill: (signal?: 'KILL' | 'INT' | 'TERM') => Promise<void>;
}

export interface RunOptions {
  timeoutMs?: number;
  env?: Record<string, string>;
  cwd?: string;
  onOutput?: (text: string) => void;
}

export const ROOT = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const FILES = ['output', 'summary', 'state', 'env', 'path'] as const;

/** Reads a GITHUB_OUTPUT file: `name=value` and `name<<delimiter` forms. */
export function parseOutputs(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const block = /^([^=<]+)<<(.+)$/.exec(line);
    if (block) {
      const value: string[] = [];
      for (i += 1; i < lines.length && lines[i] !== block[2]; i++) value.push(lines[i] ?? '');
      outputs[block[1] ?? ''] = value.join('\n');
      continue;
    }
    const plain = /^([^=]+)=(.*)$/.exec(line);
    if (plain) outputs[plain[1] ?? ''] = plain[2] ?? '';
  }
  return outputs;
}

function visible(log: string): string {
  return log.replaceAll(/^::(?:add-mask|debug)[ :].*\n?/gm, '');
}

/** Every action here is a workflow run of its own, unless a test says otherwise. */
let runId = Math.floor(Date.now() / 1000);

/** The environment that the runner gives to an action. Inputs go into the environment, never into arguments. */
export function actionEnv(
  inputs: Inputs,
  directory: string,
  workspace: string,
  extra: Record<string, string> = {},
): Record<string, string> {
  const env: Record<string, string> = {
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTOR: 'someone',
    GITHUB_REPOSITORY: 'example/fixture',
    GITHUB_RUN_ID: String((runId += 1)),
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_RUN_NUMBER: '1',
    GITHUB_JOB: 'deploy',
    GITHUB_WORKFLOW: 'process tests',
    GITHUB_WORKFLOW_REF: 'example/fixture/.github/workflows/deploy.yml@refs/heads/main',
    GITHUB_SERVER_URL: 'https://github.example',
    GITHUB_API_URL: 'http://127.0.0.1:9',
    GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_WORKSPACE: workspace,
    RUNNER_OS: 'Linux',
    RUNNER_ARCH: 'X64',
    RUNNER_TEMP: `${directory}/temp`,
    RUNNER_TOOL_CACHE: `${directory}/tools`,
  };
  for (const name of FILES)
    env[name === 'summary' ? 'GITHUB_STEP_SUMMARY' : `GITHUB_${name.toUpperCase()}`] = `${directory}/${name}`;
  for (const [name, value] of Object.entries(inputs)) env[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`] = value;
  return { ...env, ...extra };
}

/** Runs a committed bundle as a process on this machine: for inputs that have to be refused before any host is needed. */
export async function runHere(action: ActionName, inputs: Inputs, options: RunOptions = {}): Promise<ActionRun> {
  const directory = await mkdtemp(join(tmpdir(), 'action-'));
  try {
    await mkdir(join(directory, 'temp'));
    for (const name of FILES) await writeFile(join(directory, name), '');
    const began = performance.now();
    let log = '';
    const ran = await run(process.execPath, [`${ROOT}/actions/${action}/dist/index.js`], {
      env: { PATH: process.env['PATH'], HOME: directory, ...actionEnv(inputs, directory, ROOT, options.env) },
      cwd: options.cwd ?? ROOT,
      timeoutMs: options.timeoutMs ?? 60_000,
      onOutput: (text) => (log += text),
    });
    const wallMs = performance.now() - began;
    const read = (name: string): Promise<string> => readFile(join(directory, name), 'utf8');
    return {
      code: ran.code,
      log: visible(log),
      outputs: parseOutputs(await read('output')),
      summary: await read('summary'),
      state: await read('state'),
      left: await readdir(join(directory, 'temp')),
      wallMs,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Where the runner test host has what it needs. */
export interface RunnerHost {
  container: string;
  /** Node 24 inside the runner */
  node: string;
  /** directory inside the runner that holds `actions/<verb>/dist/index.js` */
  root: string;
}

/**
 * Starts a committed bundle as a process in the runner test host. Values travel in the environment of `docker exec -e NAME`, whose argument
 * list holds names only.
 */
export async function startInRunner(
  host: RunnerHost,
  action: ActionName,
  inputs: Inputs,
  options: RunOptions = {},
): Promise<Started> {
  const directory = `/tmp/action-${randomUUID().slice(0, 8)}`;
  const env = actionEnv(inputs, directory, host.root, options.env);
  const names = Object.keys(env).flatMap((name) => ['-e', name]);
  const inRunner = (...args: string[]) => run('docker', ['exec', host.container, ...args]);
  await inRunner(
    'sh',
    '-ec',
    'umask 077; mkdir -p "$1/temp" "$1/tools"; cd "$1"; touch output summary state env path',
    'make',
    directory,
  );
  const began = performance.now();
  let log = '';
  const running = run(
    'docker',
    // No shell between: it would drop variables whose names have a dash.
    [
      'exec',
      '-w',
      options.cwd ?? host.root,
      ...names,
      host.container,
      host.node,
      `${host.root}/actions/${action}/dist/index.js`,
    ],
    {
      env: { ...process.env, ...env },
      timeoutMs: options.timeoutMs ?? 180_000,
      onOutput: (text) => {
        log += text;
        options.onOutput?.(text);
      },
    },
  );
  const ended = running.then(async (ran): Promise<ActionRun> => {
    const wallMs = performance.now() - began;
    const left = await inRunner(
      'sh',
      '-c',
      'cd "$1" && for f in output summary state; do cat $f; printf "\\036"; done; find temp -type f; rm -rf "$1"',
      'read',
      directory,
    );
    const [output = '', summary = '', state = '', files = ''] = left.stdout.split('\u001e');
    return {
      code: ran.code,
      log: visible(log),
      outputs: parseOutputs(output),
      summary,
      state,
      left: files.split('\n').filter((file) => file !== ''),
      wallMs,
    };
  });
  return {
    ended,
    kill: async (signal = 'KILL') => {
      // The process and what it started, by the directory in their environment.
      const script =
        'for e in $(grep -lszF "GITHUB_OUTPUT=$1/output" /proc/[0-9]*/environ); do p=${e#/proc/}; kill -s "$2" "${p%/environ}"; done';
      await inRunner('sh', '-c', script, 'kill', directory, signal);
    },
  };
}

/** Runs a committed bundle in the runner test host to its end. */
export async function runInRunner(
  host: RunnerHost,
  action: ActionName,
  inputs: Inputs,
  options: RunOptions = {},
): Promise<ActionRun> {
  return (await startInRunner(host, action, inputs, options)).ended;
}
