import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readingsShell } from '../audit.ts';
import { hostReadings } from '../readings.ts';
import { parseLine, renderScript, type ScriptLine, type ScriptMode } from '../script.ts';
import { decoded, quote, sha256 } from '../shell.ts';
import { fileTask, type Task } from '../task.ts';
import { hostTasks, type HostPlan } from '../tasks.ts';
import { PLAN as SHOP } from './plan.ts';

const PLAN: HostPlan = {
  ...SHOP,
  app: 'fixture',
  repository: 'registry.example/shop',
  daemonJson: '{}\n',
  sshPorts: [22, 2222],
  ssh: { ...SHOP.ssh, admin: { user: 'ops', key: 'ssh-ed25519 BBBB' }, port: 2222 },
  registry: { host: 'registry.example', username: 'someone', password: "pa'ss\n$(id)" },
  tls: { mode: 'files', certificate: 'CERTIFICATE', key: 'CANARYKEY' },
};
const PLANS: [string, HostPlan][] = [
  ['files, with a login', PLAN],
  [
    'ACME, public images, in a container',
    {
      ...PLAN,
      container: true,
      repository: null,
      registry: null,
      daemonJson: null,
      tls: { mode: 'acme', email: 'me@example.org' },
    },
  ],
  [
    'root kept, sockets by systemd',
    { ...PLAN, sshPorts: [2222], ssh: { ...PLAN.ssh, admin: { user: 'root', key: null }, socket: true } },
  ],
  ['Ubuntu', { ...PLAN, os: 'ubuntu', apparmor: false }],
  ["Docker's own packages, minimal", { ...PLAN, dockerFrom: 'docker', profile: 'minimal' }],
];

let memory: string;
beforeAll(() => {
  memory = mkdtempSync(join(tmpdir(), 'script-'));
});
afterAll(() => rmSync(memory, { recursive: true, force: true }));

function run(tasks: Task[], mode: ScriptMode = 'apply'): { code: number | null; lines: ScriptLine[]; stderr: string } {
  const { status, stdout, stderr } = spawnSync('sh', ['-s'], {
    input: renderScript(tasks, 'proof end \'a "b" \\c\'', { mode, memory }),
    encoding: 'utf8',
  });
  const lines = stdout.split('\n').flatMap((line) => parseLine(line) ?? []);
  return { code: status, lines, stderr };
}

const task = (id: string, check: string, apply: string): Task => ({ id, reason: 'test', source: 'test', check, apply });
const statuses = (lines: ScriptLine[]): string[] =>
  lines.flatMap((line) => (line.kind === 'task' ? [`${line.id} ${line.status}`] : []));

describe('the rendered script', () => {
  it.each(PLANS)('is valid POSIX sh: %s', (_what, plan) => {
    const script = renderScript(hostTasks(plan), readingsShell(hostReadings(plan)));
    const { status, stderr } = spawnSync('sh', ['-n'], { input: script, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('holds no secret as plain text, and each task once', () => {
    const script = renderScript(hostTasks(PLAN), readingsShell(hostReadings(PLAN)));
    expect(script).not.toContain('CANARYKEY');
    expect(script).not.toContain(PLAN.registry?.password ?? '');
    const ids = hostTasks(PLAN).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => /^[a-z][a-z0-9_]*$/.test(id))).toBe(true);
  });

  it('lets SSH in before the firewall is switched on', () => {
    const apply = hostTasks(PLAN).find(({ id }) => id === 'firewall')?.apply ?? '';
    expect(apply).toContain("ports='22/tcp 2222/tcp 80/tcp 443/tcp'");
    expect(apply).toContain('ufw "$verb" "$port"');
    expect(apply.indexOf('ufw "$verb"')).toBeLessThan(apply.indexOf('ufw --force enable'));
  });

  it('keeps published ports of containers closed on a hardened host, and leaves those of a server that others keep', () => {
    const ids = (profile: HostPlan['profile']): string[] => hostTasks({ ...PLAN, profile }).map(({ id }) => id);
    expect(ids('hardened')).toContain('docker_user');
    expect(ids('minimal')).not.toContain('docker_user');
    expect(ids('minimal')).not.toContain('firewall');
  });

  it('says what is right already, what it changed, what does not apply, and stops at the first failure', () => {
    const mark = join(memory, 'mark');
    const { code, lines } = run([
      task('right', 'true', 'exit 9'),
      task('wrong', `[ -e ${quote(mark)} ]`, `touch ${quote(mark)}\nsay 'made "it" \\ so'`),
      task('elsewhere', "say 'not here'\nreturn 77", 'exit 9'),
      task('broken', 'false', "echo 'why it failed'\nfalse\necho never"),
      task('later', 'true', 'true'),
    ]);
    expect(code).toBe(1);
    expect(statuses(lines)).toEqual(['right ok', 'wrong changed', 'elsewhere skipped', 'broken failed']);
    expect(lines.map((line) => (line.kind === 'task' ? line.message : ''))).toEqual([
      '',
      'made "it" \\ so',
      'not here',
      'why it failed',
    ]);
  });

  it('asks all checks at once, and again once something has changed', () => {
    const [turn, mark] = [join(memory, 'turn'), join(memory, 'later')];
    // Two checks that wait for each other would never end one after the other.
    const meet = (mine: string, other: string): string =>
      `: >${quote(turn + mine)}; tries=50; until [ -e ${quote(turn + other)} ]; do tries=$((tries - 1)); [ "$tries" -gt 0 ] || return 1; sleep 0.1; done`;
    expect(statuses(run([task('a', meet('a', 'b'), 'false'), task('b', meet('b', 'a'), 'false')]).lines)).toEqual([
      'a ok',
      'b ok',
    ]);
    // A task may keep a file of its own name.
    const own = task('own', 'echo x >"$work/own"; [ -e "$work/made" ]', 'echo x >"$work/own"; : >"$work/made"');
    expect(statuses(run([own]).lines)).toEqual(['own changed']);
    // What was right at first is not believed after a change that broke it.
    writeFileSync(mark, '');
    const { lines } = run([
      task('breaks', `[ ! -e ${quote(mark)} ]`, `rm ${quote(mark)}`),
      task('broken', `[ -e ${quote(mark)} ] || { echo gone; return 1; }`, 'false'),
    ]);
    expect(statuses(lines)).toEqual(['breaks changed', 'broken failed']);
  });

  it('does not believe an apply whose check still fails', () => {
    const { code, lines } = run([task('lie', 'false', 'true')]);
    expect(code).toBe(1);
    expect(lines).toMatchObject([{ status: 'failed', message: 'applied, but the check still fails' }]);
  });

  it('survives commands that read standard input', () => {
    const { lines } = run([task('greedy', 'cat >/dev/null; false', 'cat'), task('next', 'true', 'true')]);
    expect(statuses(lines)).toEqual(['greedy failed']);
    expect(statuses(run([task('greedy', 'cat', 'true'), task('next', 'true', 'true')]).lines)).toEqual([
      'greedy ok',
      'next ok',
    ]);
  });

  it('inspects without changing anything, to the last task', () => {
    const file = join(memory, 'inspected');
    const tasks = [
      task('first', `echo 'not there'; [ -e ${quote(file)} ]`, `touch ${quote(file)}`),
      task('second', 'true', 'false'),
      task('third', 'false', 'true'),
    ];
    const { code, lines } = run(tasks, 'inspect');
    expect(code).toBe(0);
    expect(statuses(lines)).toEqual(['first drift', 'second ok', 'third drift']);
    expect(lines[0]).toMatchObject({ message: 'not there' });
    expect(existsSync(file)).toBe(false);
  });

  it('runs one at a time', async () => {
    const log = join(memory, 'log');
    const script = renderScript(
      [task('slow', 'false', `echo in >>${quote(log)}; sleep 0.5; echo out >>${quote(log)}`)],
      'true',
      { memory },
    );
    const runs = [1, 2].map(() => {
      const child = spawn('sh', ['-s'], { stdio: ['pipe', 'ignore', 'ignore'] });
      child.stdin.end(script);
      return new Promise((resolve) => child.on('close', resolve));
    });
    await Promise.all(runs);
    expect(readFileSync(log, 'utf8')).toBe('in\nout\nin\nout\n');
  });

  it('ends with proofs as valid JSON', () => {
    expect(run([]).lines).toEqual([{ kind: 'proof', name: 'end', value: 'a "b" \\c' }]);
  });

  it('writes files byte for byte with their mode, and sees a change of either', () => {
    const path = join(memory, 'file');
    const content = "line 'one'\n$(id) \\ ünï\nBASE64\nno newline at the end";
    const me = `${userInfo().username}:${spawnSync('id', ['-gn'], { encoding: 'utf8' }).stdout.trim()}`;
    const tasks = [fileTask({ id: 'file', reason: 'test', source: 'test', path, mode: '600', owner: me, content })];
    expect(statuses(run(tasks).lines)).toEqual(['file changed']);
    expect(readFileSync(path, 'utf8')).toBe(content);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statuses(run(tasks).lines)).toEqual(['file ok']);
    writeFileSync(path, 'tampered');
    expect(statuses(run(tasks).lines)).toEqual(['file changed']);
    spawnSync('chmod', ['644', path]);
    expect(statuses(run(tasks).lines)).toEqual(['file changed']);
  });
});

describe('shell text', () => {
  it.each(["it's", '$(id)', '`id`', 'a\nb', '\\', '"', '*', ''])('quotes %j', (text) => {
    expect(spawnSync('sh', ['-c', `printf %s ${quote(text)}`], { encoding: 'utf8' }).stdout).toBe(text);
  });

  it('decodes an empty document too', () => {
    expect(spawnSync('sh', ['-s'], { input: decoded(''), encoding: 'utf8' }).stdout).toBe('');
  });

  it('hashes as sha256sum does', () => {
    expect(spawnSync('sha256sum', [], { input: 'abc', encoding: 'utf8' }).stdout).toContain(sha256('abc'));
  });
});

it.each(['', 'Welcome!', '{', '{"task":1}', '[]', '{"task":"a","status":"great"}'])(
  'takes no other line for its own: %j',
  (line) => {
    expect(parseLine(line)).toBeNull();
  },
);
