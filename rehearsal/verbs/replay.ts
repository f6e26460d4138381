/** Replays one of the project's workflow files on the runner, with act in host mode. */
import { createInterface } from 'node:readline';
import { fileHash, prepare } from '../act/prepare.ts';
import { must } from '../hosts/host.ts';
import type { TestHost } from '../hosts/host.ts';
import { Collector, readLine } from './events.ts';
import type { Happening, Replay } from './events.ts';

/** The clone on the runner: what the events are about. */
export const CLONE = '/srv/rehearsal/checkout';
/** Secrets, variables and events: on the runner only, 0600. */
const PRIVATE = '/srv/rehearsal/private';
/** Rewritten workflows, inside the clone (git ignores the directory) so that jobs get a workspace that equals the commit. */
const REWRITTEN = '.rehearsal/workflows';
/** Steps find what a GitHub runner has on its PATH. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const REPOSITORY = 'rehearsal/brainbytes';

export interface Settings {
  secrets: Record<string, string>;
  variables: Record<string, string>;
  /** Base URL of the fake GitHub, as the runner reaches it. */
  apiUrl: string;
  githubToken: string;
}

export interface ReplayRequest {
  /** File name below .github/workflows. */
  workflow: string;
  event: 'push' | 'workflow_dispatch';
  inputs?: Record<string, string>;
  runId: number;
}

export interface Replayed extends Replay {
  /** `<file> <hash>` of the original file. */
  workflow: string;
  /** The same for each workflow that it calls. */
  called: string[];
  /** What the pre-pass rewrote in them, one line each. */
  changes: string[];
}

/**
 * Rewrites all workflows of the clone's commit and runs one of them with an event. `report` hears everything that happens while it happens.
 * Rejects only where act could not be run; a red workflow is a result.
 */
export async function replay(
  runner: TestHost,
  settings: Settings,
  request: ReplayRequest,
  report: (happening: Happening) => void,
): Promise<Replayed> {
  const started = performance.now();
  const commit = await must(runner, ['git', '-C', CLONE, 'rev-parse', 'HEAD']);
  const files = await rewrite(runner, request.workflow);
  await writePrivate(runner, settings, request, commit);
  const argv = [
    ...[
      'env',
      '-i',
      `PATH=${PATH}`,
      'HOME=/root',
      'LANG=C.UTF-8',
      '/usr/local/bin/act',
      request.event,
      '--json',
      '-C',
      CLONE,
    ],
    ...[
      '-W',
      `${REWRITTEN}/${request.workflow}`,
      '-P',
      'ubuntu-latest=-self-hosted',
      '--action-offline-mode',
      '-a',
      'rehearsal',
    ],
    ...['--secret-file', `${PRIVATE}/secrets.yaml`, '--var-file', `${PRIVATE}/variables.yaml`],
    ...['--env-file', `${PRIVATE}/environment.yaml`, '--eventpath', `${PRIVATE}/event.json`],
    // The runner keeps its builder's layers from one run to the next, as no GitHub runner does: a cache service would only cost time.
    '--no-cache-server',
  ];
  const collector = new Collector();
  const child = runner.spawn(argv);
  child.stdin?.end();
  const follow = async (stream: NodeJS.ReadableStream | null): Promise<void> => {
    if (stream === null) return;
    for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
      const happening = readLine(line);
      if (happening === null) continue;
      collector.take(happening);
      report(happening);
    }
  };
  const ended = new Promise<number>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done(code ?? 1));
  });
  const [code] = await Promise.all([ended, follow(child.stdout), follow(child.stderr)]);
  const result = collector.finish(code, (performance.now() - started) / 1000);
  const [workflow = '', ...called] = files.map(({ name, hash }) => `${name} ${hash}`);
  const changes = files.flatMap((file) => file.changes.map((change) => `${file.name}: ${change}`));
  return { ...result, workflow, called, changes };
}

interface Rewritten {
  name: string;
  /** Of the original. */
  hash: string;
  changes: string[];
}

/** Puts the rewritten workflows beside the originals; tells about the wanted one, then about those that it calls. */
async function rewrite(runner: TestHost, wanted: string): Promise<Rewritten[]> {
  const listed = await must(runner, ['ls', `${CLONE}/.github/workflows`]);
  const names = listed.split('\n').filter((name) => /\.ya?ml$/.test(name));
  if (!names.includes(wanted)) throw new Error(`no workflow ${wanted}; there are ${names.join(', ')}`);
  const all = new Map<string, Rewritten & { calls: string[] }>();
  for (const name of names) {
    const { stdout: original } = await runner.exec(['cat', `${CLONE}/.github/workflows/${name}`]);
    const { text, changes } = prepare(original, { dependencies: `${CLONE}/node_modules`, workflows: REWRITTEN });
    await runner.write(`${CLONE}/${REWRITTEN}/${name}`, text);
    const calls = [...original.matchAll(/^ +uses: \.\/\.github\/workflows\/(\S+)$/gm)].map(
      ([, called]) => called ?? '',
    );
    all.set(name, { name, hash: fileHash(original), changes, calls });
  }
  const used = [wanted, ...(all.get(wanted)?.calls ?? [])];
  return used.flatMap((name) => all.get(name) ?? []);
}

async function writePrivate(
  runner: TestHost,
  settings: Settings,
  request: ReplayRequest,
  commit: string,
): Promise<void> {
  // JSON is YAML: no quoting of our own for keys and certificates of several lines.
  const files = {
    'secrets.yaml': { ...settings.secrets, GITHUB_TOKEN: settings.githubToken },
    'variables.yaml': settings.variables,
    'environment.yaml': {
      GITHUB_API_URL: settings.apiUrl,
      GITHUB_REPOSITORY: REPOSITORY,
      GITHUB_RUN_ID: String(request.runId),
      GITHUB_RUN_NUMBER: String(request.runId),
    },
    'event.json': {
      ref: 'refs/heads/main',
      after: commit,
      deleted: false,
      inputs: request.inputs ?? {},
      repository: { full_name: REPOSITORY, default_branch: 'main' },
    },
  };
  for (const [name, content] of Object.entries(files)) {
    await runner.write(`${PRIVATE}/${name}`, JSON.stringify(content), 0o600);
  }
}
