import { readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '@delivery/release';
import type { RenderedJob } from '@delivery/stack';
import { newReport } from '../src/operation.ts';
import type { Report } from '../src/operation.ts';
import type { Paths } from '../src/paths.ts';
import type { Run } from '../src/run.ts';
import { begunSchema, noteSchema, noWayBack, planSchema } from '../src/schema.ts';
import { awaitJob, migrate } from '../src/steps/migrate.ts';
import { readTruth } from '../src/truth.ts';
import { deployed, digestOf, newHost, store } from './host.ts';

const SEALED = `
x-release: {app: shop, schema: {version: 5, compatibleFrom: 4}}
services:
  web:
    image: registry.test/shop/web@${digestOf('a')}
    x-release: {role: web, port: 3000, routes: [{host: shop.test}]}
  migrate:
    image: registry.test/shop/web@${digestOf('a')}
    x-release: {role: job}
  save:
    image: registry.test/shop/web@${digestOf('a')}
    x-release: {role: job, purpose: backup}
`;
const image = `registry.test/shop/web@${digestOf('a')}`;
const of = (after: number, compatibleFrom = after): Partial<Manifest> => ({
  schema: { before: compatibleFrom, after, oldestCompatible: null, compatibleFrom },
  services: {
    web: { role: 'web', image, platforms: [] },
    migrate: { role: 'job', image, platforms: [] },
    save: { role: 'job', image, platforms: [] },
  },
});

let root: string;
let paths: Paths;
let said: string[];
/** Exit code of each job by name; null takes too long. */
let exits: Record<string, number | null>;
/** What the state file said when the migration ran. */
let during: unknown;

beforeEach(() => {
  ({ root, paths } = newHost());
  said = [];
  exits = {};
  during = undefined;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function newRun(forceSchema?: number): Run {
  const docker = {
    containers: () => Promise.resolve([]),
    container: (id: string) => Promise.resolve({ id }),
    compose: (_: unknown, [, ...rest]: string[]) => {
      const name = rest.at(-1) ?? '';
      said.push(`run ${name}`);
      if (name === 'migrate') during = begunSchema(paths);
      return Promise.resolve('');
    },
    wait: (name: string) => Promise.resolve(exits[name.replace('shop-jobs-', '')] ?? 0),
    stop: ({ id }: { id: string }) => Promise.resolve(void said.push(`stop ${id}`)),
    logs: () => Promise.resolve(['first', 'last']),
    remove: (id: string) => Promise.resolve(void said.push(`remove ${id}`)),
  };
  const events = {
    step: (_: string, work: (note: (text: string) => void) => unknown) =>
      Promise.resolve(work((text) => said.push(text))),
    skipped: (_: string, text: string) => said.push(`skipped: ${text}`),
    log: (_: string, text: string) => said.push(text),
  };
  return { app: 'shop', paths, docker, events, envelope: { options: { forceSchema } } } as unknown as Run;
}

async function migrated(manifest: Manifest, schema: Parameters<typeof migrate>[1]['schema']): Promise<Report> {
  const report = newReport();
  const backing = () => Promise.resolve(void said.push('backing'));
  await migrate(newRun(), { manifest, schema }, SEALED, report, backing).catch((error: unknown) => {
    said.push(`failed: ${(error as { code: string }).code}`);
  });
  return report;
}
const at4 = { number: 4, completed: 4, compatibleFrom: 4, release: 'r1' };

describe('migrations', () => {
  it('come after the backup, and the state is on disk before and after them', async () => {
    const report = await migrated(store(paths, 'r2', of(5, 4), SEALED), at4);
    expect(said).toEqual([
      'backing',
      'run save',
      'remove shop-jobs-save',
      'run migrate',
      'remove shop-jobs-migrate',
      'save, migrate; the database is at schema 5',
    ]);
    expect(during).toEqual({ number: 5, completed: 4, compatibleFrom: 4, release: 'r2' });
    expect(report.schema).toEqual({ number: 5, completed: 5, compatibleFrom: 4, release: 'r2' });
    expect(begunSchema(paths)).toEqual(report.schema);
  });

  it('do not run, nor does the backup, when the schema number does not rise', async () => {
    const report = await migrated(store(paths, 'r2', of(5, 4), SEALED), { ...at4, number: 5, completed: 5 });
    expect(said).toEqual(['skipped: the database is at schema 5 already']);
    expect(report).toMatchObject({ migrated: false, schema: { number: 5 } });
  });

  it('do not begin when the backup fails: nothing changed', async () => {
    exits = { save: 3 };
    const report = await migrated(store(paths, 'r2', of(5, 4), SEALED), at4);
    expect(said).toEqual(['backing', 'run save', 'remove shop-jobs-save', 'failed: backup_failed']);
    expect(report).toMatchObject({ migrated: false, schema: null });
    expect(begunSchema(paths)).toBeNull();
  });

  it('that fail leave a database that may be on its way, and run again', async () => {
    exits = { migrate: 1 };
    const manifest = store(paths, 'r2', of(5, 4), SEALED);
    const report = await migrated(manifest, at4);
    expect(said.at(-1)).toBe('failed: job_failed');
    expect(report).toMatchObject({ migrated: true, schema: { number: 5, completed: 4 } });
    said = [];
    exits = {};
    await migrated(manifest, begunSchema(paths));
    expect(said).toContain('run migrate');
  });

  it('that take too long are stopped and removed, with their last lines told', async () => {
    const job = { name: 'migrate', purpose: 'migration', timeoutSeconds: 7 } as RenderedJob;
    const run = newRun();
    const docker = { ...run.docker, wait: () => Promise.resolve(null) };
    await expect(awaitJob(docker as never, job, 'shop-jobs-migrate')).rejects.toMatchObject({
      code: 'job_timeout',
      message: 'job migrate: was stopped after 7 seconds (timeoutSeconds); visitors stay on the live release',
      logs: ['first', 'last'],
    });
    expect(said).toEqual(['stop shop-jobs-migrate', 'remove shop-jobs-migrate']);
  });
});

describe('a deploy is planned', () => {
  const live = (schema: Partial<Manifest>): void => {
    store(paths, 'r1', schema);
    deployed(paths, 'r1', 'blue');
  };

  it('by what a dead operation left begun, before the record', () => {
    live(of(4));
    noteSchema(paths, { number: 5, completed: 4, compatibleFrom: 5, release: 'r2' });
    expect(() => planSchema(newRun(), readTruth(paths), store(paths, 'r3', of(4)))).toThrow('the database is at 5');
  });

  it('only with a schema that the live release can run on, or with its number typed', () => {
    live(of(4));
    const breaking = store(paths, 'r2', of(5));
    expect(() => planSchema(newRun(), readTruth(paths), breaking)).toThrow('visitors are on release r1 of schema 4');
    expect(() => planSchema(newRun(5), readTruth(paths), breaking)).toThrow('force-schema: 5 is not the schema');
    expect(planSchema(newRun(4), readTruth(paths), breaking)).toMatchObject({ number: 4, completed: 4 });
    expect(said[0]).toMatch(/^forced by the schema number 4: release r2 migrates to schema 5/);
  });

  it('for the live release whatever the schema: it runs already', () => {
    live(of(4));
    noteSchema(paths, { number: 6, completed: 4, compatibleFrom: 6, release: 'r2' });
    const truth = readTruth(paths);
    expect(planSchema(newRun(), truth, store(paths, 'r1', of(4)))).toMatchObject({ number: 6 });
  });

  it('with a way back only where the live release can run on the new schema', () => {
    live(of(4));
    const after = { number: 5, completed: 5, compatibleFrom: 4, release: 'r2' };
    expect(noWayBack(paths, 'r1', after)).toBeNull();
    expect(noWayBack(paths, 'r1', { ...after, compatibleFrom: 5 })).toBe(
      'release r1 is of schema 4 and cannot run on schema 5 of the database',
    );
  });

  it('not from a state file that makes no sense', () => {
    live(of(4));
    noteSchema(paths, { number: -1 } as never);
    expect(() => planSchema(newRun(), readTruth(paths), store(paths, 'r2', of(4)))).toThrow(/^schema: number/);
    expect(readFileSync(paths.schema, 'utf8')).toContain('-1');
  });
});
