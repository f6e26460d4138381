import { createHash } from 'node:crypto';
import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, YAMLMap } from 'yaml';

/** What act cannot express, and what takes its place. Everything else of a file is replayed as it stands. */
export interface PrepareOptions {
  /** Where `$/path` (this repository at the running commit) is found: `./path`, or `<repository>/path@<ref>` for a caller outside of it. */
  self?: { repository: string; ref: string };
  /** Directory with the locked dependencies already installed; `npm ci` becomes a link to it. Absolute path on the runner. */
  dependencies?: string;
  /** Directory of the rewritten workflows, relative to the checkout; calls between workflows go there. The originals stay where they are. */
  workflows?: string;
}

export interface Prepared {
  text: string;
  /** One line per thing rewritten, for the log: what a reader must know to trust the replay. */
  changes: string[];
}

/** First 12 hex digits of a file's SHA-256: names the file that was replayed, as it stands in the repository. */
export function fileHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/**
 * Rewrites one workflow file or composite action for act in host mode.
 * Rules: `concurrency.queue` and `environment.deployment` go (act has neither concurrency nor environments); `$/x` becomes a path that act resolves; actions/checkout stays (act copies the checkout itself);
 * actions/setup-node becomes a check of the runner's Node; `npm ci` becomes a link where dependencies are given.
 * Throws for any other third-party action: a step is replayed or refused, never left out in silence.
 */
export function prepare(text: string, options: PrepareOptions = {}): Prepared {
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new Error(`not a YAML file: ${document.errors[0]?.message ?? ''}`);
  const changes: string[] = [];
  const root = document.contents;
  if (!isMap(root)) throw new Error('not a workflow or an action: the file is no mapping');

  dropQueue(root, 'workflow', changes);
  const jobs = root.get('jobs');
  if (isMap(jobs)) {
    for (const pair of jobs.items) {
      const name = String(isScalar(pair.key) ? pair.key.value : pair.key);
      const job = pair.value;
      if (!isMap(job)) continue;
      dropQueue(job as YAMLMap, `job ${name}`, changes);
      dropDeployment(job as YAMLMap, `job ${name}`, changes);
      rewriteUses(job as YAMLMap, `job ${name}`, options, changes);
      rewriteSteps(document, job as YAMLMap, `job ${name}`, options, changes);
    }
  }
  const runs = root.get('runs');
  if (isMap(runs)) rewriteSteps(document, runs as YAMLMap, 'composite', options, changes);
  return { text: document.toString({ lineWidth: 0 }), changes };
}

function dropQueue(owner: YAMLMap, where: string, changes: string[]): void {
  const concurrency = owner.get('concurrency');
  if (isMap(concurrency) && concurrency.delete('queue')) changes.push(`${where}: concurrency.queue dropped`);
}

function dropDeployment(job: YAMLMap, where: string, changes: string[]): void {
  const environment = job.get('environment');
  if (isMap(environment) && environment.delete('deployment')) changes.push(`${where}: environment.deployment dropped`);
}

function rewriteSteps(
  document: Document,
  owner: YAMLMap,
  where: string,
  options: PrepareOptions,
  changes: string[],
): void {
  const steps = owner.get('steps');
  if (!isSeq(steps)) return;
  for (const [index, item] of steps.items.entries()) {
    if (!isMap(item)) continue;
    const step = item as YAMLMap;
    const at = `${where}, step ${String(step.get('name') ?? step.get('id') ?? index + 1)}`;
    rewriteUses(step, at, options, changes);
    const uses = step.get('uses');
    if (typeof uses === 'string' && uses.startsWith('actions/setup-node@')) {
      const wanted = setupNodeMajor(step, at);
      step.delete('uses');
      step.delete('with');
      step.set('run', `node -e 'process.exit(process.versions.node.split(".")[0] === "${wanted}" ? 0 : 1)'`);
      if (owner.has('using')) step.set('shell', 'sh');
      changes.push(`${at}: the runner's own Node ${wanted} is checked instead of installed`);
    }
    if (options.dependencies !== undefined && step.get('run') === 'npm ci') {
      step.set('run', 'ln -s "$LOCKED_DEPENDENCIES" node_modules');
      step.set('env', document.createNode({ LOCKED_DEPENDENCIES: options.dependencies }));
      changes.push(`${at}: locked dependencies linked instead of installed`);
    }
  }
}

function setupNodeMajor(step: YAMLMap, at: string): string {
  const input = step.get('with');
  const version = isMap(input) ? String(input.get('node-version') ?? '') : '';
  const major = /^v?(\d+)(\.|$)/.exec(version)?.[1];
  if (major === undefined) throw new Error(`${at}: node-version must be a plain version, found "${version}"`);
  return major;
}

function rewriteUses(owner: YAMLMap, at: string, options: PrepareOptions, changes: string[]): void {
  const uses = owner.get('uses');
  if (typeof uses !== 'string') return;
  if (uses.startsWith('$/')) {
    const path = uses.slice(2);
    const target = options.self ? `${options.self.repository}/${path}@${options.self.ref}` : `./${path}`;
    owner.set('uses', target);
    changes.push(`${at}: ${uses} -> ${target}`);
    return;
  }
  if (options.workflows !== undefined && uses.startsWith('./.github/workflows/')) {
    owner.set('uses', `./${options.workflows}/${uses.slice('./.github/workflows/'.length)}`);
    changes.push(`${at}: the rewritten copy of ${uses} is called`);
    return;
  }
  if (uses.startsWith('./') || /^actions\/(checkout|setup-node)@/.test(uses)) return;
  throw new Error(`${at}: no stand-in for ${uses}; known are actions/checkout and actions/setup-node`);
}
