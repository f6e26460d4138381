import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { appNameTask, policyTask, RESERVED_APPS } from '../policy.ts';
import { parseLine, renderScript } from '../script.ts';
import type { Task } from '../task.ts';
import { hostTasks } from '../tasks.ts';
import { PLAN } from './plan.ts';
import { launcher } from '../files.ts';

const base = mkdtempSync(join(tmpdir(), 'policy-'));
const me = `${userInfo().username}:${spawnSync('id', ['-gn'], { encoding: 'utf8' }).stdout.trim()}`;
const opt = join(base, 'opt');
beforeEach(() => {
  rmSync(opt, { recursive: true, force: true });
  mkdirSync(opt);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Runs tasks with /opt and root moved to what the test has. */
function run(tasks: Task[]): string[] {
  const moved = (text: string): string => text.replaceAll('/opt/', `${opt}/`).replaceAll('root:root', me);
  const { stdout } = spawnSync('sh', ['-s'], {
    input: renderScript(
      tasks.map((task) => ({ ...task, check: moved(task.check), apply: moved(task.apply) })),
      'true',
      { memory: base },
    ),
    encoding: 'utf8',
  });
  return stdout.split('\n').flatMap((text) => {
    const line = parseLine(text);
    return line?.kind === 'task' ? [`${line.id} ${line.status}`] : [];
  });
}

describe("the host's policy", () => {
  const path = join(opt, 'shop/policy.json');
  const tasks = policyTask({ app: 'shop', repository: 'registry.test:5000/owner/shop' });

  it('is written once, and repaired when its content or mode drifts', () => {
    mkdirSync(join(opt, 'shop'));
    expect(run(tasks)).toEqual(['policy changed']);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ repository: 'registry.test:5000/owner/shop' });
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(run(tasks)).toEqual(['policy ok']);
    writeFileSync(path, '{"repository":"elsewhere.test"}\n');
    expect(run(tasks)).toEqual(['policy changed']);
    expect(readFileSync(path, 'utf8')).toContain('owner/shop');
    chmodSync(path, 0o666);
    expect(run(tasks)).toEqual(['policy changed']);
    expect(run(tasks)).toEqual(['policy ok']);
  });

  it('lets the deploy key run commands only where that was asked for', () => {
    mkdirSync(join(opt, 'shop'));
    const plan = { app: 'shop', repository: 'registry.test/shop' };
    expect(run(policyTask({ ...plan, allowRun: true }))).toEqual(['policy changed']);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ repository: 'registry.test/shop', run: true });
    expect(run(policyTask(plan))).toEqual(['policy changed']);
    expect(readFileSync(path, 'utf8')).not.toContain('run');
  });

  it('names who must have signed, and does not lose it by an input that was left out', () => {
    mkdirSync(join(opt, 'shop'));
    const signatures = { format: 1, keys: ['k'], sources: [], keyless: null };
    expect(run(policyTask({ app: 'shop', repository: 'registry.test/shop', signatures }))).toEqual(['policy changed']);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ repository: 'registry.test/shop', signatures });
    expect(run(tasks)).toEqual(['policy failed']);
    expect(readFileSync(path, 'utf8')).toContain('"signatures"');
  });

  it('stays as it is where no repository is given', () => {
    expect(policyTask({ app: 'shop', repository: null })).toEqual([]);
  });
});

describe('the directory of an app', () => {
  const tasks = [appNameTask('shop')];

  it('is ours when it is not there, new, provisioned or released to', () => {
    expect(run(tasks)).toEqual(['app_name ok']);
    mkdirSync(join(opt, 'shop'));
    expect(run(tasks)).toEqual(['app_name ok']);
    writeFileSync(join(opt, 'shop/.env'), '');
    writeFileSync(join(opt, 'shop/policy.json'), '{}');
    expect(run(tasks)).toEqual(['app_name ok']);
    mkdirSync(join(opt, 'shop/releases'));
    writeFileSync(join(opt, 'shop/ledger.jsonl'), '');
    expect(run(tasks)).toEqual(['app_name ok']);
  });

  it("is refused when another program's files are in it, or it is a link", () => {
    mkdirSync(join(opt, 'shop'));
    writeFileSync(join(opt, 'shop/docker-compose.yml'), '');
    expect(run(tasks)).toEqual(['app_name failed']);
    rmSync(join(opt, 'shop'), { recursive: true });
    symlinkSync('/', join(opt, 'shop'));
    expect(run(tasks)).toEqual(['app_name failed']);
  });

  it('is looked at before anything is changed', () => {
    expect(hostTasks(PLAN)[0]?.id).toBe('app_name');
    expect(hostTasks(PLAN).map(({ id }) => id)).not.toContain('policy');
    const ids = hostTasks({ ...PLAN, repository: 'registry.test/shop' }).map(({ id }) => id);
    expect(ids.indexOf('policy')).toBeGreaterThan(ids.indexOf('app_directory'));
  });
});

it('knows the same reserved names as the launcher', () => {
  expect(launcher).toContain(`case $app in ${RESERVED_APPS.join(' | ')}) refuse`);
});
