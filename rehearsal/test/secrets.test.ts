import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { runInRunner } from './action.ts';
import type { ActionRun } from './action.ts';
import { sampleArguments, type Sampled } from './arguments.ts';
import { expectCode } from './expect.ts';
import { must, run } from './process.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

/** Names of the files below `places` in a container that hold one of the texts, which travel on standard input. */
async function filesWith(container: string, texts: string[], places: string[]): Promise<string[]> {
  const script =
    'cat > /dev/shm/patterns; grep -rlaF -s --devices=skip -f /dev/shm/patterns "$@" || true; rm /dev/shm/patterns';
  const found = await must('docker', ['exec', '-i', container, 'sh', '-c', script, 'search', ...places], {
    input: texts.join('\n'),
  });
  return found.split('\n').filter((line) => line !== '');
}

const VPS_PLACES = ['/opt', '/var/log', '/root', '/home', '/tmp', '/etc', '/var/lib/docker'];
/** A project of its own, inside the runner only. */
const WORK = '/tmp/canary-build';
const RUNNER_PLACES = ['/root', '/home', '/tmp', '/etc', '/var/log'];

describe('a secret is where it belongs and nowhere else', () => {
  const canary = `canary-${randomBytes(12).toString('hex')}`;
  const { vps, runner, registry, deployKey } = stage.facts;
  const keyLine = deployKey.private.split('\n')[2] ?? '';
  const texts = [canary, registry.password, keyLine];
  const encoded = texts.flatMap((text) => [
    text,
    Buffer.from(text).toString('base64').replace(/=+$/, ''),
    encodeURIComponent(text),
  ]);
  let deployed: ActionRun;
  let sampled: Sampled;
  let inspected = '';

  beforeAll(async () => {
    expect(keyLine.length).toBeGreaterThan(30);
    await stage.running('v1');
    await stage.built('v2');
    const stop = await sampleArguments(texts);
    const started = await stage.startDeploy('v2', { secrets: `APP_KEY=${canary}` });
    let over = false;
    void started.ended.finally(() => (over = true));
    while (!over) {
      // Everything that is not a container of the app: the agent's own, above all.
      const all = await stage.vps(
        'sh',
        '-c',
        'for c in $(docker ps -q); do docker inspect "$c" | grep -q "\\"delivery.app\\"" || docker inspect "$c"; done',
      );
      inspected += all.stdout;
    }
    deployed = await started.ended;
    sampled = await stop();
  }, 600_000);

  it('deploys, and the app has it', async () => {
    expectCode(deployed, 0);
    expect(await stage.vpsShell('stat -c %a /opt/fixture/.env')).toBe('600\n');
    expect(await filesWith(vps.container, [canary], ['/opt/fixture/.env'])).toEqual(['/opt/fixture/.env']);
  });

  it('is in no argument list, on the runner or the VPS', () => {
    expect(sampled.samples).toBeGreaterThan(20);
    expect(sampled.hits).toEqual([]);
  });

  it('is in no log, summary or output', () => {
    for (const text of encoded)
      expect(`${deployed.log}${deployed.summary}${JSON.stringify(deployed.outputs)}${deployed.state}`).not.toContain(
        text,
      );
  });

  it('is in no definition of a container that is not the app itself', () => {
    expect(inspected.length).toBeGreaterThan(1000);
    for (const text of encoded) expect(inspected).not.toContain(text);
  });

  it('is in no file of the VPS but the .env and the definition of the app container', async () => {
    const found = await filesWith(vps.container, encoded, VPS_PLACES);
    const belongs = (file: string): boolean =>
      file === '/opt/fixture/.env' || /^\/var\/lib\/docker\/containers\/[0-9a-f]{64}\/config\.v2\.json$/.test(file);
    expect(found.filter((file) => !belongs(file))).toEqual([]);
    const ids = found.map((file) => /containers\/([0-9a-f]{64})/.exec(file)?.[1]).filter((id) => id !== undefined);
    for (const id of new Set(ids))
      expect(await stage.vpsShell('docker inspect -f "{{index .Config.Labels \\"delivery.app\\"}}" "$1"', id)).toBe(
        'fixture\n',
      );
    const history = await stage.vpsShell('docker image ls -q | sort -u | xargs -n1 docker history --no-trunc');
    for (const text of encoded) expect(history).not.toContain(text);
    const journal = await stage.vps('journalctl', '--no-pager', '-q');
    for (const text of encoded) expect(journal.stdout).not.toContain(text);
  }, 120_000);

  it('is in no argument list, no log and no layer while images are built with it', async () => {
    // The build takes it from a file; the Dockerfile fails where the file does not arrive whole.
    const compose = `x-release: {app: fixture}
services:
  web:
    build: .
    x-release: {role: web, port: 3000, routes: [{host: fixture.test}]}
`;
    const docker = `FROM node:24-trixie-slim
RUN --mount=type=secret,id=token test "$(wc -c < /run/secrets/token)" = ${String(canary.length)}
`;
    const write = (path: string, text: string): Promise<string> =>
      must(
        'docker',
        ['exec', '-i', runner.container, 'sh', '-ec', 'mkdir -p "$(dirname "$1")"; cat > "$1"', 'write', path],
        { input: text },
      );
    await write(`${WORK}/compose.yaml`, compose);
    await write(`${WORK}/Dockerfile`, docker);
    await write('/dev/shm/token', canary);
    const stop = await sampleArguments(texts);
    const inputs = {
      ...stage.buildInputs('canary', {}),
      'compose-file': 'compose.yaml',
      'build-secrets': 'token=/dev/shm/token',
    };
    const options = { timeoutMs: 240_000, cwd: WORK, env: { GITHUB_WORKSPACE: WORK } };
    const built = await runInRunner(runner, 'build-images', inputs, options);
    const seen = await stop();
    await must('docker', ['exec', runner.container, 'rm', '-r', '/dev/shm/token', WORK]);
    expectCode(built, 0);
    expect(seen.samples).toBeGreaterThan(20);
    expect(seen.hits).toEqual([]);
    for (const text of encoded)
      expect(`${built.log}${built.summary}${JSON.stringify(built.outputs)}${built.state}`).not.toContain(text);
    expect([...deployed.left, ...built.left]).toEqual([]);
    expect(await filesWith(runner.container, encoded, ['/var/lib/docker', '/var/lib/containerd'])).toEqual([]);
  }, 300_000);

  it('is in no file that the actions left on the runner', async () => {
    expect(await filesWith(runner.container, encoded, RUNNER_PLACES)).toEqual([]);
  }, 60_000);

  it('is found by the same searches where it is put on purpose', async () => {
    const stop = await sampleArguments(texts);
    await run('docker', ['exec', vps.container, 'sh', '-c', 'sleep 0.5; true', canary]);
    const planted = await stop();
    expect(planted.hits.some((hit) => hit.index === 0)).toBe(true);

    await must('docker', ['exec', '-i', vps.container, 'sh', '-c', 'cat > /opt/fixture/runs/planted'], {
      input: Buffer.from(canary).toString('base64'),
    });
    await must('docker', ['exec', '-i', runner.container, 'sh', '-c', 'cat > /tmp/planted'], { input: keyLine });
    try {
      expect(await filesWith(vps.container, encoded, VPS_PLACES)).toContain('/opt/fixture/runs/planted');
      expect(await filesWith(runner.container, encoded, RUNNER_PLACES)).toContain('/tmp/planted');
    } finally {
      await stage.vps('rm', '/opt/fixture/runs/planted');
      await run('docker', ['exec', runner.container, 'rm', '/tmp/planted']);
    }
  }, 120_000);
});
