import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ContractError, parsePolicy } from '@delivery/release';
import type { Manifest } from '@delivery/release';
import { renderOneOff } from '@delivery/stack';
import { Docker } from '../docker.ts';
import { ended } from '../docker/compose.ts';
import type { ComposeClient } from '../docker/compose.ts';
import { readIfThere } from '../files.ts';
import { liveRelease } from '../live.ts';
import { masker } from '../mask.ts';
import { releaseDirectory } from '../paths.ts';
import type { Paths } from '../paths.ts';
import { hostSecrets } from '../secrets.ts';
import { badCall } from './call.ts';
import type { Call } from './call.ts';

/** Seconds that a command may take: over the deploy key, and from a shell on the host. */
const KEY_SECONDS = 600;
const HOST_SECONDS = 6 * 3600;
/** As `timeout` of coreutils. */
const TIMED_OUT = 124;
/** The launcher reads it as Docker's own word for a container that could not start, and would try again. */
const LAUNCHER_RETRIES = 125;

/** Throws ContractError `policy` unless the owner of the host lets the deploy key run commands. */
export function checkRunAllowed(paths: Pick<Paths, 'policy'>): void {
  const text = readIfThere(paths.policy);
  if (text !== null && parsePolicy(text).run) return;
  throw new ContractError(
    'policy',
    `run: the deploy key may not run commands on this host; its owner allows it by provision-vps with allow-run ("run": true in ${paths.policy}), or runs them from a shell on the host`,
  );
}

export interface Command {
  service: string;
  words: string[];
}

/** The web service and the words of the command: a first word `@<service>` picks the service, else it is the first of the release. */
export function commandOf(
  words: readonly string[],
  { services, routes }: Pick<Manifest, 'services' | 'routes'>,
): Command {
  const webs = Object.keys(services).filter((name) => services[name]?.role === 'web');
  const named = words[0]?.startsWith('@') === true ? words[0].slice(1) : null;
  const command = named === null ? [...words] : words.slice(1);
  const service = named ?? routes[0]?.service ?? webs[0];
  if (service === undefined || !webs.includes(service))
    throw badCall(
      `run: service ${JSON.stringify(named ?? '')}: no web service of the live release; there are ${webs.join(', ') || 'none'}`,
    );
  if (command.length === 0 || command[0] === '') throw badCall('run: a command is needed');
  return { service, words: command };
}

/** `run <command...>`: one command in a container of its own of the live release, removed afterwards; gives its exit code. */
export async function run({ app, paths, args, actor, envelope }: Call): Promise<number> {
  const fromHost = actor !== '';
  if (!fromHost) checkRunAllowed(paths);
  const words = fromHost ? args : (envelope().command ?? []);
  const release = liveRelease(paths);
  if (release === null) throw badCall('run: no release is live here');
  const { service, words: command } = commandOf(words, release.manifest);
  const docker = new Docker();
  const name = `${app}-run-${randomBytes(4).toString('hex')}`;
  try {
    await sweep(docker, app);
    const rendered = renderOneOff({ ...release, service });
    const file = '/tmp/run.yaml';
    writeFileSync(file, rendered.text);
    const project = {
      name: rendered.project,
      file,
      directory: releaseDirectory(paths, release.manifest.release),
      env: paths.env,
    };
    const child = docker.composeClient(
      project,
      ['run', '--rm', '--no-deps', '-T', '--name', name, rendered.service, ...command],
      'quiet',
    );
    const passed = fromHost ? passBytes(child) : passLines(child, masker(Object.values(hostSecrets(paths))));
    const seconds = fromHost ? HOST_SECONDS : KEY_SECONDS;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      void docker.remove(name).catch(() => undefined);
    }, seconds * 1000);
    const code = await ended(child);
    clearTimeout(timer);
    await passed;
    if (late) {
      process.stderr.write(`release: run: ended after ${String(seconds)} s, the most that a command may take here\n`);
      return TIMED_OUT;
    }
    return code === null || code === LAUNCHER_RETRIES ? 1 : code;
  } finally {
    await docker.remove(name).catch(() => undefined);
    await docker.close();
  }
}

/** Containers of commands whose agent died: what has ended, and what has been at it for longer than anything may. */
async function sweep(docker: Docker, app: string): Promise<void> {
  for (const container of await docker.containers([`delivery.run=${app}`])) {
    const seconds = (Date.now() - Date.parse(container.startedAt)) / 1000;
    if (!container.running || seconds > HOST_SECONDS) await docker.remove(container.id);
  }
}

/** Root on the host gets the bytes as they are: it may be a dump that goes into a file. */
function passBytes(child: ComposeClient): Promise<void> {
  child.stdout.pipe(process.stdout);
  child.stderr.pipe(process.stderr);
  return Promise.resolve();
}

async function passLines(child: ComposeClient, mask: (text: string) => string): Promise<void> {
  const pass = async (from: Readable, to: NodeJS.WriteStream): Promise<void> => {
    for await (const line of createInterface({ input: from, crlfDelay: Infinity })) to.write(`${mask(line)}\n`);
  };
  await Promise.all([pass(child.stdout, process.stdout), pass(child.stderr, process.stderr)]);
}
