import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
let root: string;
let launcher: string;

/** The launcher as it is, with its two fixed places (program path, /opt) moved to a directory of the test. */
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'launcher-'));
  for (const directory of ['bin', 'opt/edge', 'opt/shop']) mkdirSync(join(root, directory), { recursive: true });
  writeFileSync(join(root, 'opt/edge/agent'), 'registry.test:5000/agent@sha256:abc\n');
  // Prints its arguments, one a line, and what it gets on standard input.
  writeFileSync(
    join(root, 'bin/docker'),
    '#!/bin/sh\nfor a in "$@"; do printf "%s\\n" "$a"; done\nprintf "stdin:"; cat\nexit "${FAKE_CODE-0}"\n',
  );
  chmodSync(join(root, 'bin/docker'), 0o755);
  launcher = join(root, 'release');
  const text = readFileSync(resolve(import.meta.dirname, '../release'), 'utf8');
  const moved = text
    .replace(/^PATH=/m, `PATH=${join(root, 'bin')}:`)
    .replace(/^root=\/opt$/m, `root=${join(root, 'opt')}`);
  writeFileSync(launcher, moved);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function ring(
  command: string | null,
  options: { app?: string; args?: string[]; input?: string; env?: Record<string, string> } = {},
): { code: number; out: string; err: string; argv: string[] } {
  const env = {
    ...options.env,
    ...(command === null ? {} : { SSH_ORIGINAL_COMMAND: command, SSH_CONNECTION: '1 2 3 4' }),
  };
  const result = spawnSync('/bin/sh', [launcher, options.app ?? 'shop', ...(options.args ?? [])], {
    env,
    input: options.input ?? '',
    encoding: 'utf8',
  });
  const argv = result.stdout.split('stdin:')[0] ?? '';
  return { code: result.status ?? -1, out: result.stdout, err: result.stderr, argv: argv.split('\n') };
}

describe('launcher', () => {
  it('is short, root can read it in one go', () => {
    expect(readFileSync(resolve(import.meta.dirname, '../release'), 'utf8').split('\n').length).toBeLessThan(100);
  });

  it('hands a deploy to the agent, with the envelope on standard input and in the network of the edge', () => {
    const { code, out, argv } = ring(`deploy ${DIGEST}`, { input: '{"secrets":{"A":"hidden"}}' });
    expect(code).toBe(0);
    expect(argv.slice(-5)).toEqual(['registry.test:5000/agent@sha256:abc', 'deploy', 'shop', DIGEST, '']);
    expect(argv.join(' ')).toContain('--pull never');
    expect(argv.join(' ')).toContain('--network container:edge');
    expect(argv.join(' ')).toContain('--read-only');
    expect(argv.join(' ')).not.toContain('hidden');
    expect(out).toContain('stdin:{"secrets":{"A":"hidden"}}');
  });

  it('tells the agent whether a person reads the answer on a terminal', () => {
    expect(ring('status').out).toContain('RELEASE_TERMINAL=\n');
    const { stdout } = spawnSync('script', ['-qec', `sh ${launcher} shop status`, '/dev/null'], {
      input: '',
      encoding: 'utf8',
    });
    expect(stdout).toMatch(/RELEASE_TERMINAL=yes\r?\n/);
  });

  it('gives questions no network and no input', () => {
    for (const verb of ['status', 'history', 'version', 'attach op-1.x_2']) {
      const { code, out, argv } = ring(verb, { input: 'anything' });
      expect(code).toBe(0);
      expect(argv.join(' ')).toContain('--network none');
      expect(out.endsWith('stdin:')).toBe(true);
    }
  });

  it('passes on rollbacks with and without a release, and the exit code', () => {
    expect(ring('rollback').argv.slice(-3)).toEqual(['rollback', 'shop', '']);
    expect(ring('rollback 20260101T000000Z-abcdef0').argv.slice(-4)).toEqual([
      'rollback',
      'shop',
      '20260101T000000Z-abcdef0',
      '',
    ]);
    expect(ring('rollback', { env: { FAKE_CODE: '75' } }).code).toBe(75);
  });

  it('asks an agent that watches a release to go back, and starts nothing then', () => {
    const socket = join(root, 'opt/edge/run/shop.sock');
    mkdirSync(join(root, 'opt/edge/run'), { recursive: true });
    // A process that is killed while it listens leaves its socket behind.
    const left = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', left, socket]);
    const curl = join(root, 'bin/curl');
    try {
      writeFileSync(curl, '#!/bin/sh\nprintf "curl %s\\n" "$*"; cat\nexit "${FAKE_CURL-0}"\n', { mode: 0o755 });
      const back = ring('rollback 20260101T000000Z-abcdef0', { input: '{"a":1}' });
      expect(back.out).toMatch(
        /^curl .*--unix-socket \S+\/shop\.sock .*http:\/\/agent\/rollback\/20260101T000000Z-abcdef0\n\{"a":1\}\n$/,
      );
      expect(back.code).toBe(0);
      expect(ring('rollback', { env: { FAKE_CURL: '22' } }).code).toBe(1);
      expect(ring('status').out).not.toContain('curl');
      // No answer at all: the agent that listened is gone, and the usual way is taken.
      writeFileSync(curl, '#!/bin/sh\ncat >/dev/null\nexit 7\n');
      expect(ring('rollback').argv.slice(-3)).toEqual(['rollback', 'shop', '']);
    } finally {
      rmSync(socket, { force: true });
      rmSync(curl, { force: true });
    }
  });

  it('waits for the workers of a watched release to change over, and never asks twice for what was taken', () => {
    const socket = join(root, 'opt/edge/run/shop.sock');
    mkdirSync(join(root, 'opt/edge/run'), { recursive: true });
    const left = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', left, socket]);
    const curl = join(root, 'bin/curl');
    /** An agent that answers after so many seconds, to a curl that waits as long as it is told to. */
    const answerAfter = (seconds: number): string =>
      `#!/bin/sh\ncat >/dev/null\nwhile [ "$1" != --max-time ]; do shift; done\n[ "$2" -gt ${String(seconds)} ] || exit 28\necho done\n`;
    try {
      writeFileSync(curl, answerAfter(600), { mode: 0o755 });
      expect(ring('rollback')).toMatchObject({ code: 0, out: 'done\n' });
      writeFileSync(curl, answerAfter(3600));
      const silent = ring('rollback');
      expect(silent).toMatchObject({ code: 1, out: '' });
      expect(silent.err).toMatch(/^release: refused: no answer of the deploy that took this rollback: see status/);
      for (const [code, taken] of [
        [52, true], // the agent died on the way
        [56, true],
        [2, false], // a curl that does not know an option
        [22, false], // declined
      ] as const) {
        writeFileSync(curl, `#!/bin/sh\ncat >/dev/null\nexit ${String(code)}\n`);
        expect({ code, argv: ring('rollback').argv.includes('run') }).toEqual({ code, argv: !taken });
      }
    } finally {
      rmSync(socket, { force: true });
      rmSync(curl, { force: true });
    }
  });

  it.each([['rollback'], ['rollback', 'r1'], ['backing', 'plan'], ['backing', 'apply'], ['run', 'id']])(
    'does not wait for a standard input that never ends, from a shell on the host: %s',
    async (...args) => {
      const child = spawn('/bin/sh', [launcher, 'shop', ...args], { env: {}, stdio: ['pipe', 'pipe', 'inherit'] });
      const timer = setTimeout(() => child.kill(), 5000);
      let out = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
      expect(await once(child, 'close')).toEqual([0, null]);
      clearTimeout(timer);
      expect(out).toMatch(/\nstdin:$/);
    },
  );

  it('reads an envelope from a shell on the host where it must be or a last `-` asks for it', () => {
    const input = '{"options":{"forceSchema":6}}';
    const root = (...args: string[]): string => ring(null, { args, input }).out;
    expect(root('rollback', '-')).toMatch(/\nrollback\nshop\nstdin:\{"options"/);
    expect(root('rollback', 'r1', '-')).toMatch(/\nrollback\nshop\nr1\nstdin:\{"options"/);
    expect(root('backing', 'apply', '-')).toMatch(/\nbacking\nshop\napply\nstdin:\{"options"/);
    expect(root('deploy', DIGEST)).toContain(`stdin:${input}`);
    expect(root('plan', DIGEST)).toContain(`stdin:${input}`);
    for (const args of [
      ['rollback', '-', 'r1'],
      ['rollback', 'r1', 'r2', '-'],
      ['status', '-'],
      ['backing', '-'],
    ])
      expect(ring(null, { args, input })).toMatchObject({ code: 64, out: '' });
    expect(ring('rollback -').code).toBe(64);
    // A person who pipes nothing into it is told so.
    const { stdout } = spawnSync('script', ['-qec', `/bin/sh ${launcher} shop rollback -`, '/dev/null'], {
      encoding: 'utf8',
    });
    expect(stdout).toContain('release: refused: rollback: needs an envelope on standard input');
  });

  it('takes the command of `run` from a shell on the host alone', () => {
    expect(ring(null, { args: ['run', 'node', '-e', 'a b;$(c)'] }).argv.slice(-6)).toEqual([
      'run',
      'shop',
      'node',
      '-e',
      'a b;$(c)',
      '',
    ]);
    expect(ring('run', { input: '{"command":["id"]}' }).out).toContain('stdin:{"command":["id"]}');
    expect(ring(null, { args: ['remove'] }).argv.slice(-3)).toEqual(['remove', 'shop', '']);
  });

  it('says whether a person reads the answer', () => {
    expect(ring('status').argv).toContain('RELEASE_TERMINAL=');
    // `script` gives the launcher a terminal as its standard output.
    const { stdout } = spawnSync('script', ['-qec', `/bin/sh ${launcher} shop status`, '/dev/null'], {
      encoding: 'utf8',
    });
    expect(stdout.split(/\r?\n/)).toContain('RELEASE_TERMINAL=yes');
  });

  it('works from a shell on the host and says who called', () => {
    const { code, argv } = ring(null, { args: ['rollback'] });
    expect(code).toBe(0);
    expect(argv.find((word) => word.startsWith('RELEASE_ACTOR='))).toMatch(/^RELEASE_ACTOR=\w+@/);
    expect(ring('status').argv).toContain('RELEASE_ACTOR=');
  });

  it.each([
    '',
    ' ',
    'sh',
    'deploy',
    'deploy latest',
    'plan',
    'plan latest',
    'logs -f',
    'logs web 10 more',
    'run id',
    'remove',
    'backing',
    'backing apply now',
    `deploy ${DIGEST} more`,
    `deploy ${DIGEST.toUpperCase()}`,
    `deploy ${DIGEST}0`,
    `deploy sha512:${'0'.repeat(64)}`,
    'rollback a b',
    'rollback -x',
    'rollback ../../etc',
    'rollback --help',
    'attach',
    'attach a/b',
    'attach a b',
    'attach -x',
    'status now',
    'status;id',
    'status $(id)',
    'status `id`',
    'status\nid',
    'status\tnow',
    'status *',
    'scp -t /tmp',
    `rollback ${'a'.repeat(72)}`,
    `attach ${'a'.repeat(300)}`,
  ])('refuses %j with one line and 64', (command) => {
    const { code, out, err } = ring(command);
    expect(code).toBe(64);
    expect(out).toBe('');
    expect(err).toMatch(/^release: refused: [^\n]+\n$/);
  });

  it('starts nothing for any command that is not exactly one of its calls', () => {
    const call =
      /^ *((deploy|plan) +sha256:[0-9a-f]{64}|(rollback|logs)( +[0-9A-Za-z][0-9A-Za-z._:-]{0,70})?|logs( +[0-9A-Za-z][0-9A-Za-z._:-]{0,70}){2}|(attach|backing) +[0-9A-Za-z][0-9A-Za-z._:-]{0,70}|run|status|history|version) *$/;
    const word = fc.constantFrom(
      'deploy',
      'rollback',
      'attach',
      'status',
      'logs',
      'plan',
      'run',
      'remove',
      DIGEST,
      '-v',
      '..',
      '$(id)',
      ';',
      '\n',
      '*',
      "'",
      '"',
      '|',
      '&',
      'é',
      'op-1',
    );
    const command = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.array(word, { maxLength: 4 }).map((words) => words.join(' ')),
    );
    fc.assert(
      fc.property(command, (text) => {
        fc.pre(!text.includes('\0'));
        const { code, out } = ring(text);
        return call.test(text) ? code === 0 : code === 64 && out === '';
      }),
      { numRuns: 150 },
    );
  });

  it('refuses app names that no host has, and says what an unprepared host lacks', () => {
    for (const app of ['', 'edge', 'containerd', 'Shop', '../x', '-x', '9x', 'a b', 'a'.repeat(32)])
      expect(ring('status', { app }).code).toBe(64);
    expect(ring('status', { app: 'other' }).err).toMatch(/not prepared for other; run provision-vps/);
  });

  it('opens no shell for the key', () => {
    const result = spawnSync('/bin/sh', [launcher, 'shop'], {
      env: { SSH_CONNECTION: '1 2 3 4' },
      input: 'id\n',
      encoding: 'utf8',
    });
    expect(result.status).toBe(64);
    expect(result.stderr).toMatch(/opens no shell/);
  });
});
