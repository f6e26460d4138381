import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { fileHash, prepare } from '../prepare.ts';

const root = resolve(import.meta.dirname, '../../..');
const sha = 'a'.repeat(40);

const workflow = (steps: string, extra = ''): string => `name: Sample
on: push
concurrency:
  group: g
  cancel-in-progress: false
  queue: max
jobs:
  one:
    runs-on: ubuntu-latest
${extra}    steps:
${steps}`;

describe('prepare', () => {
  it('drops queue at the top and in a job, and leaves the rest of concurrency', () => {
    const { text, changes } = prepare(
      workflow('      - run: true\n', '    concurrency:\n      group: j\n      queue: max\n'),
    );
    const result = parse(text);
    expect(result.concurrency).toEqual({ group: 'g', 'cancel-in-progress': false });
    expect(result.jobs.one.concurrency).toEqual({ group: 'j' });
    expect(changes).toEqual(['workflow: concurrency.queue dropped', 'job one: concurrency.queue dropped']);
  });

  it('drops the key that keeps GitHub from filing a deployment', () => {
    const { text, changes } = prepare(
      workflow('      - run: true\n', '    environment:\n      name: production\n      deployment: false\n'),
    );
    expect(parse(text).jobs.one.environment).toEqual({ name: 'production' });
    expect(changes).toContain('job one: environment.deployment dropped');
  });

  it('turns $/ into a path of the workspace, or of the named repository for an outside caller', () => {
    const text = workflow('      - uses: $/actions/rollback\n');
    expect(parse(prepare(text).text).jobs.one.steps[0].uses).toBe('./actions/rollback');
    const self = { repository: 'owner/name', ref: 'v1' };
    expect(parse(prepare(text, { self }).text).jobs.one.steps[0].uses).toBe('owner/name/actions/rollback@v1');
  });

  it('does the same in a composite action and for a called workflow', () => {
    const composite = prepare('name: c\nruns:\n  using: composite\n  steps:\n    - uses: $/actions/a\n');
    expect(parse(composite.text).runs.steps[0].uses).toBe('./actions/a');
    const call = prepare('on: push\njobs:\n  b:\n    uses: $/.github/workflows/b.yml\n');
    expect(parse(call.text).jobs.b.uses).toBe('./.github/workflows/b.yml');
  });

  it('lets a workflow call the rewritten copy of another, and leaves actions where they are', () => {
    const call = 'on: push\njobs:\n  b:\n    uses: ./.github/workflows/b.yml\n';
    expect(parse(prepare(call, { workflows: 'x/y' }).text).jobs.b.uses).toBe('./x/y/b.yml');
    expect(parse(prepare(call).text).jobs.b.uses).toBe('./.github/workflows/b.yml');
    const step = workflow('      - uses: ./actions/rollback\n');
    expect(parse(prepare(step, { workflows: 'x/y' }).text).jobs.one.steps[0].uses).toBe('./actions/rollback');
  });

  it('keeps checkout, checks Node instead of installing it', () => {
    const text = workflow(
      `      - uses: actions/checkout@${sha} # v7\n      - uses: actions/setup-node@${sha}\n        with:\n          node-version: '24'\n`,
    );
    const steps = parse(prepare(text).text).jobs.one.steps;
    expect(steps[0].uses).toBe(`actions/checkout@${sha}`);
    expect(steps[1]).toEqual({ run: expect.stringContaining('=== "24"') });
    expect(() =>
      prepare(workflow(`      - uses: actions/setup-node@${sha}\n        with:\n          node-version: lts/*\n`)),
    ).toThrow('job one, step 1: node-version must be a plain version, found "lts/*"');
  });

  it('links dependencies only where they are given', () => {
    const text = workflow('      - name: Install\n        run: npm ci\n');
    expect(parse(prepare(text).text).jobs.one.steps[0].run).toBe('npm ci');
    const linked = prepare(text, { dependencies: '/srv/node modules' });
    expect(parse(linked.text).jobs.one.steps[0]).toEqual({
      name: 'Install',
      run: 'ln -s "$LOCKED_DEPENDENCIES" node_modules',
      env: { LOCKED_DEPENDENCIES: '/srv/node modules' },
    });
    expect(linked.changes).toContain('job one, step Install: locked dependencies linked instead of installed');
  });

  it('refuses any other third-party action by name', () => {
    expect(() => prepare(workflow(`      - uses: someone/else@${sha}\n`))).toThrow(
      `job one, step 1: no stand-in for someone/else@${sha}`,
    );
  });

  it('refuses what is no workflow', () => {
    expect(() => prepare('- a\n- b\n')).toThrow('the file is no mapping');
    expect(() => prepare('a: [')).toThrow('not a YAML file');
  });

  it('changes nothing but what it lists, in the files of this repository', () => {
    const directory = join(root, '.github/workflows');
    for (const name of readdirSync(directory)) {
      const original = readFileSync(join(directory, name), 'utf8');
      const { text } = prepare(original);
      const before = parse(original);
      const after = parse(text);
      delete before.concurrency.queue;
      for (const [id, job] of Object.entries<{
        environment?: { deployment?: boolean };
        steps?: Record<string, unknown>[];
      }>(before.jobs)) {
        delete job.environment?.deployment;
        for (const [index, step] of (job.steps ?? []).entries()) {
          if (String(step['uses']).startsWith('actions/setup-node@')) {
            job.steps![index] = { name: step['name'], run: after.jobs[id].steps[index].run };
          }
        }
      }
      expect(after).toEqual(before);
    }
  });
});

describe('fileHash', () => {
  it('is the head of the SHA-256', () => {
    expect(fileHash('abc')).toBe('ba7816bf8f01');
  });
});
