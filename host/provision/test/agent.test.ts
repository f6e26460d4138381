import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { signatureTag } from '@delivery/trust';
import { agentTasks, signatureOf } from '../agent.ts';
import { parseLine, renderScript } from '../script.ts';

const me = `${userInfo().username}:${spawnSync('id', ['-gn'], { encoding: 'utf8' }).stdout.trim()}`;
const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const OLD = `registry.test/agent@${digest('a')}`;
const NEW = `registry.test/agent@${digest('b')}`;

let base: string;
let opt: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'agent-task-'));
  opt = join(base, 'opt');
  for (const directory of ['edge', 'shop', '../bin']) mkdirSync(join(opt, directory), { recursive: true });
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Runs the tasks with a docker client that writes down its calls; the agent of before says `verdict` by its exit code. */
function run({ label = '1.0.0', verdict = 0 } = {}): { status: string[]; calls: string } {
  const docker = join(base, 'bin/docker');
  writeFileSync(
    docker,
    `#!/bin/sh
echo "$*" >>${base}/calls
case $* in
  *--format*) echo '${label}' ;;
  run*) echo 'release: refused: agent: is not signed' >&2; exit ${String(verdict)} ;;
esac
`,
  );
  chmodSync(docker, 0o755);
  const moved = (text: string): string => text.replaceAll('/opt/', `${opt}/`).replaceAll('root:root', me);
  const tasks = agentTasks({ app: 'shop', agentImage: NEW, registry: null }).map((task) => ({
    ...task,
    check: moved(task.check),
    apply: moved(task.apply),
  }));
  const script = renderScript(tasks, 'true', { memory: base }).replace('export PATH=', `export PATH=${base}/bin:`);
  const { stdout } = spawnSync('sh', ['-s'], { input: script, encoding: 'utf8' });
  const status = stdout.split('\n').flatMap((text) => {
    const line = parseLine(text);
    return line?.kind === 'task' ? [`${line.id} ${line.status} ${line.message}`.trim()] : [];
  });
  return { status, calls: existsSync(`${base}/calls`) ? readFileSync(`${base}/calls`, 'utf8') : '' };
}
const agent = (): string => readFileSync(join(opt, 'edge/agent'), 'utf8').trim();

describe('the agent of a host', () => {
  it("is the admin's choice the first time", () => {
    const { status, calls } = run();
    expect(status.at(-1)).toMatch(/^agent changed/);
    expect(calls).not.toContain('successor');
    expect(agent()).toBe(NEW);
  });

  it('is replaced only by one that it accepts, asked without a network', () => {
    writeFileSync(join(opt, 'edge/agent'), `${OLD}\n`);
    const { status, calls } = run();
    expect(status.at(-1)).toMatch(/^agent changed/);
    expect(calls).toMatch(new RegExp(`run --rm --network none .* ${OLD} successor shop ${NEW}`));
    expect(calls).not.toContain('sigstore');
    expect(agent()).toBe(NEW);
  });

  it('stays when it refuses its successor, and the reason is told', () => {
    writeFileSync(join(opt, 'edge/agent'), `${OLD}\n`);
    writeFileSync(join(opt, 'shop/policy.json'), '{"repository":"registry.test","signatures":{}}\n');
    const { status, calls } = run({ verdict: 64 });
    expect(status.at(-1)).toMatch(/^agent failed .*is not signed.*does not accept its successor/);
    expect(calls).toContain(`pull --quiet registry.test/agent:${signatureTag(digest('b'))}`);
    expect(agent()).toBe(OLD);
  });

  it('cannot be asked where it is from before it could judge', () => {
    writeFileSync(join(opt, 'edge/agent'), `${OLD}\n`);
    expect(run({ label: '', verdict: 64 }).status.at(-1)).toMatch(/^agent changed/);
    expect(agent()).toBe(NEW);
  });

  it('has its signature where the signer puts it', () => {
    expect(signatureOf(NEW)).toBe(`registry.test/agent:${signatureTag(digest('b'))}`);
  });
});
