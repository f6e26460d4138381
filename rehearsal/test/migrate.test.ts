import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runInRunner } from './action.ts';
import type { ActionRun } from './action.ts';
import { errorLine, expectCode, expectNoDrop } from './expect.ts';
import { must } from './process.ts';
import { APP_KEY, Stage } from './stage.ts';
import type { Built } from './stage.ts';

const stage = Stage.open();
const { runner } = stage.facts;
/** Releases with migrations, inside the runner only: the fixture with jobs beside it, which write their doings into a volume. */
const WORK = '/tmp/migrating';

interface Migrating {
  schema?: string;
  /** Shell of the migration; it has the volume at /log and the secrets of the deploy. */
  migrate?: string;
  backup?: string;
  timeoutSeconds?: number;
}

async function build(name: string, release: Migrating): Promise<Built> {
  const { schema, migrate = 'true', backup, timeoutSeconds = 60 } = release;
  const job = (service: string, script: string, extension: string): string => `
  ${service}:
    build: {context: ., args: {VERSION: ${name}}}
    user: '0:0'
    command: ['sh', '-ec', ${JSON.stringify(script.replaceAll('$', '$$$$'))}]
    environment: {APP_KEY: '\${APP_KEY:?}'}
    volumes: ['log:/log']
    x-release: {role: job, ${extension}}`;
  const compose = `
x-release: {app: fixture${schema === undefined ? '' : `, schema: {${schema}}`}}
services:
  web:
    build: {context: ., args: {VERSION: ${name}, BOOT_SECONDS: '1'}}
    environment: {APP_KEY: '\${APP_KEY:?}'}
    x-release:
      role: web
      port: 3000
      replicas: 2
      routes: [{host: fixture.test}]
      assets: [/app/static]
      drainSeconds: 5
${job('migrate', migrate, `timeoutSeconds: ${String(timeoutSeconds)}`)}
${backup === undefined ? '' : job('backup', backup, 'purpose: backup')}
volumes: {log: {}}
`;
  const directory = `${WORK}/${name}`;
  const copy = 'mkdir -p "$1"; cp "$2"/rehearsal/fixture/* "$1"/; cat > "$1/compose.yaml"';
  await must('docker', ['exec', '-i', runner.container, 'sh', '-ec', copy, 'copy', directory, runner.root], {
    input: compose,
  });
  const inputs = { ...stage.buildInputs(name, {}), 'compose-file': `${name}/compose.yaml` };
  const ran = await runInRunner(runner, 'build-images', inputs, {
    cwd: WORK,
    env: { GITHUB_WORKSPACE: WORK, GITHUB_SHA: Buffer.from(name).toString('hex').padEnd(40, '0').slice(0, 40) },
    timeoutMs: 240_000,
  });
  expectCode(ran, 0);
  return {
    release: ran.outputs['release'] ?? '',
    releaseId: ran.outputs['release-id'] ?? '',
    images: ran.outputs['images'] ?? '',
    signature: ran.outputs['signature'] ?? '',
  };
}

const note = (text: string): string => `echo "${text}" >> /log/done`;
/** What the jobs have written, one word each. */
const done = async (): Promise<string[]> =>
  (await stage.vpsShell('cat "$(docker volume inspect -f "{{.Mountpoint}}" fixture_log)"/done 2>/dev/null || true'))
    .split('\n')
    .filter((line) => line !== '');
const jobsLeft = (): Promise<string> =>
  stage.vpsShell('docker ps -aq --filter label=com.docker.compose.project=fixture-jobs');
const schemaOnRecord = async (): Promise<unknown> => {
  const ran = await stage.deployShell(['history']);
  return (JSON.parse(ran.stdout) as { schema?: unknown }[]).at(-1)?.schema;
};
const live = async (): Promise<string | undefined> => (await stage.status()).running?.release;

/** A refused deploy left everything as it was: the same release, no job behind, no request lost. */
async function refused(release: string, told: RegExp): Promise<ActionRun> {
  const before = await live();
  const load = await stage.load('get');
  const ran = await stage.deployRelease(release);
  const report = await load.stop();
  expectCode(ran, 1);
  expect(errorLine(ran)).toMatch(told);
  expectNoDrop(report);
  expect(await live()).toBe(before);
  expect(await jobsLeft()).toBe('');
  return ran;
}

// The other tests' releases know of no schema: the host forgets this database as if a fresh one had been put in its place.
afterAll(async () => {
  const { stdout } = await stage.deployShell(['history']);
  const entries = JSON.parse(stdout) as { schema?: { number: number } }[];
  const number = entries.findLast(({ schema }) => schema !== undefined)?.schema?.number ?? 0;
  expectCode(await stage.deploy('v1', { 'force-schema': String(number) }), 0);
  await stage.vpsShell(`cd /opt/fixture
for manifest in releases/*/manifest.json; do
  if grep -Eq '"after": *[1-9]' "$manifest"; then rm -rf "$(dirname "$manifest")"; fi
done
sed -i 's/,"schema":{[^}]*}//' ledger.jsonl`);
}, 300_000);

describe('migrations', () => {
  let one: Built;
  let two: Built;
  beforeAll(async () => {
    await stage.running('v1');
    one = await build('m1', { schema: 'version: 1, compatibleFrom: 0', migrate: note('migrate-1 $RELEASE_ID') });
    two = await build('m2', {
      schema: 'version: 2, compatibleFrom: 1',
      migrate: note('migrate-2'),
      backup: note('backup-2'),
    });
  }, 900_000);

  it('run once per deploy, not per replica, from the new release, with its secrets', async () => {
    expectCode(await stage.deployRelease(one.release), 0);
    expect(await done()).toEqual([`migrate-1 ${one.releaseId}`]);
    expect(await schemaOnRecord()).toEqual({ number: 1, completed: 1, compatibleFrom: 0, release: one.releaseId });
    expect(await jobsLeft()).toBe('');
  }, 300_000);

  it('that take too long are stopped, removed and told, and the old colour never notices', async () => {
    const slow = await build('mslow', {
      schema: 'version: 2, compatibleFrom: 1',
      migrate: 'echo "copying with $APP_KEY"; sleep 600',
      timeoutSeconds: 3,
    });
    const ran = await refused(slow.release, /job migrate: was stopped after 3 seconds/);
    expect(ran.log).toContain('copying with ***');
    expect(ran.log).not.toContain(APP_KEY);
    expect(ran.wallMs).toBeLessThan(60_000);
    expect(await schemaOnRecord()).toMatchObject({ number: 2, completed: 1 });
  }, 500_000);

  it('that fail are told with their last lines', async () => {
    const failing = await build('mfail', {
      schema: 'version: 2, compatibleFrom: 1',
      migrate: 'echo "column is missing" >&2; exit 3',
    });
    const ran = await refused(failing.release, /job migrate: ended with exit code 3/);
    expect(ran.log).toContain('column is missing');
  }, 500_000);

  it('do not begin where the backup fails', async () => {
    const failing = await build('mbackup', {
      schema: 'version: 2, compatibleFrom: 1',
      migrate: note('never'),
      backup: 'exit 4',
    });
    const ran = await refused(failing.release, /backup backup: ended with exit code 4/);
    expect(ran.outputs['outcome']).toBe('refused');
    expect(await done()).not.toContain('never');
  }, 500_000);

  it('come after the backup, and neither runs again while the schema number stays', async () => {
    expectCode(await stage.deployRelease(two.release), 0);
    expect((await done()).slice(1)).toEqual(['backup-2', 'migrate-2']);
    const same = await build('m2b', {
      schema: 'version: 2, compatibleFrom: 1',
      migrate: note('again'),
      backup: note('again'),
    });
    expectCode(await stage.deployRelease(same.release), 0);
    expect(await done()).not.toContain('again');
  }, 500_000);

  it('that would break the live release are refused before they run', async () => {
    const breaking = await build('mbreak', { schema: 'version: 9', migrate: note('broke') });
    await refused(breaking.release, /migrates to schema 9, .*visitors are on release/);
    expect(await done()).not.toContain('broke');
  }, 500_000);

  it('bar the way back to code that cannot run on the database, unless its number is typed', async () => {
    const three = await build('m3', { schema: 'version: 3, compatibleFrom: 2', migrate: note('migrate-3') });
    expectCode(await stage.deployRelease(three.release), 0);
    const barred = await stage.rollback({ release: one.releaseId });
    expectCode(barred, 1);
    expect(errorLine(barred)).toMatch(/the database is at 3 .*safe is release \S+-/);
    expect(barred.outputs['outcome']).toBe('refused');
    expect(await live()).toBe(three.releaseId);

    const wrong = await stage.rollback({ release: one.releaseId, 'force-schema': '2' });
    expectCode(wrong, 1);
    expect(errorLine(wrong)).toContain('force-schema: 2 is not the schema of the database, which is 3');

    expectCode(await stage.rollback({ release: one.releaseId, 'force-schema': '3' }), 0);
    expect(await live()).toBe(one.releaseId);
    expect(await schemaOnRecord()).toMatchObject({ number: 3, completed: 1 });
  }, 500_000);
});
