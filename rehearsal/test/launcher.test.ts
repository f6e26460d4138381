import { beforeAll, describe, expect, it } from '@jest/globals';
import { Stage } from './stage.ts';

const stage = Stage.open();
const DIGEST = `sha256:${'ab'.repeat(32)}`;

describe('the deploy key can only ring the launcher', () => {
  let running = '';
  beforeAll(async () => {
    running = (await stage.running('v1')).releaseId;
  }, 600_000);

  it.each([
    ['a shell', []],
    ['a command', ['id']],
    ['a command behind a verb', ['status; id']],
    ['substitution in an argument', ['deploy', '$(id)']],
    ['a verb with too much', ['status', 'now']],
    ['a digest that is none', ['deploy', 'sha256:abc']],
    ['a release with a path', ['rollback', '../../etc/passwd']],
    ['an option for docker', ['--privileged']],
    ['a newline', [`deploy ${DIGEST}\nid`]],
    ['sftp', ['/usr/lib/openssh/sftp-server']],
    ['scp', ['scp', '-t', '/tmp']],
  ])('%s is refused', async (_what, command) => {
    const ran = await stage.deployShell(command);
    expect(ran.code).toBe(64);
    expect(ran.stderr).toMatch(/^release: refused: [^\n]*\n$/);
    expect(ran.stdout).not.toMatch(/uid=/);
  });

  it.each([
    ['no envelope', ''],
    ['no JSON', 'hello'],
    ['another format', JSON.stringify({ format: 99, operation: 'x' })],
    ['an unknown key', JSON.stringify({ format: 1, operation: 'x', repository: 'r.example/app', command: 'id' })],
    ['an operation with a path', JSON.stringify({ format: 1, operation: '../x', repository: 'r.example/app' })],
    [
      'a secret with a bad name',
      JSON.stringify({ format: 1, operation: 'x', repository: 'r.example/app', secrets: { 'a b': 'CANARYSECRET' } }),
    ],
    ['more than a MiB', JSON.stringify({ format: 1, operation: 'x', actor: 'a'.repeat(1_200_000) })],
  ])('an envelope: %s', async (_what, input) => {
    const ran = await stage.deployShell(['deploy', DIGEST], { input });
    expect(ran.code).toBe(64);
    expect(`${ran.stdout}${ran.stderr}`).toMatch(/envelope/i);
    expect(`${ran.stdout}${ran.stderr}`).not.toContain('CANARYSECRET');
  });

  it('gives no terminal', async () => {
    const ran = await stage.deployShell(['status'], { args: ['-tt'] });
    expect(ran.stderr).toMatch(/PTY allocation request failed/i);
  });

  it('forwards no port', async () => {
    const ran = await stage.deployShell([], { args: ['-W', '127.0.0.1:22'] });
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toMatch(/prohibited|refused|forward/i);
  });

  it('left the site as it was', async () => {
    const status = await stage.status();
    expect(status.running?.release).toBe(running);
    expect(status.operation).toBeNull();
  });
});
