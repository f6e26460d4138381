import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

/** The parts of workflow and action files that the contract is about. */
export interface Step {
  name?: string;
  id?: string;
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}
export interface Job {
  uses?: string;
  needs?: string | string[];
  if?: string;
  environment?: string | { name: string };
  permissions?: Record<string, string>;
  'timeout-minutes'?: number;
  outputs?: Record<string, string>;
  secrets?: Record<string, string> | 'inherit';
  steps?: Step[];
}
export interface Workflow {
  name: string;
  on: Record<string, { branches?: string[]; secrets?: object; outputs?: Record<string, { value: string }> } | null>;
  permissions?: object;
  concurrency?: { group?: string };
  jobs: Record<string, Job>;
}
export interface Action {
  inputs?: Record<string, { required?: boolean; default?: string; description?: string }>;
  outputs?: Record<string, { description?: string; value?: string }>;
  runs: { using: string; main?: string; steps?: Step[] };
}

export const root = resolve(import.meta.dirname, '../../..');

export const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Every workflow of the repository by file name, with its text. */
export const workflows: { file: string; text: string; workflow: Workflow }[] = readdirSync(
  join(root, '.github/workflows'),
).map((file) => {
  const text = read(`.github/workflows/${file}`);
  return { file, text, workflow: parse(text) as Workflow };
});

/** Directories of this repository's actions, e.g. `actions/rollback`. */
export const actionPaths: string[] = readdirSync(join(root, 'actions'))
  .map((name) => `actions/${name}`)
  .filter((path) => existsSync(join(root, path, 'package.json')));

/** Reads an action by the path that a step uses it by. */
export const action = (path: string): Action => parse(read(join(path, 'action.yml'))) as Action;

/** The path in this repository that `uses` names, or undefined for somebody else's action. */
export const ownPath = (uses: string): string | undefined => /^(?:\.|\$)\/(.+)$/.exec(uses)?.[1];

/** Names after `<context>.` in every expression of a text, e.g. all secrets that it reads. */
export function names(text: string, context: string): string[] {
  const found = new Set<string>();
  for (const [, expression] of text.matchAll(/\$\{\{([\s\S]*?)\}\}/g)) {
    for (const [, name] of (expression ?? '').matchAll(new RegExp(`(?<![\\w.-])${context}\\.([\\w-]+)`, 'g'))) {
      found.add(name ?? '');
    }
  }
  return [...found].sort();
}
