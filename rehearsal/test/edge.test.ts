import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { expectCode } from './expect.ts';
import { must } from './process.ts';
import { HOST, Stage } from './stage.ts';

const stage = Stage.open();
const { vps, registry, tls } = stage.facts;

/** Runs in the network of the edge, where the agent is too. */
const inEdge = (command: string): Promise<string> =>
  stage.vpsShell(`nsenter -n -t "$(docker inspect -f '{{.State.Pid}}' edge)" ${command}`);

async function reloads(): Promise<number> {
  const metrics = await inEdge('curl -sf http://127.0.0.1:8080/metrics');
  return Number(/^traefik_config_reloads_total (\S+)$/m.exec(metrics)?.[1]);
}

describe('the edge', () => {
  beforeAll(async () => {
    await stage.running('v1');
    await stage.built('v2');
  }, 600_000);

  it('reloads once for one switch, and once for the way back', async () => {
    await stage.running('v1');
    const before = await reloads();
    expectCode(await stage.deploy('v2'), 0);
    expect(await reloads()).toBe(before + 1);
    expectCode(await stage.rollback(), 0);
    expect(await reloads()).toBe(before + 2);
  }, 300_000);

  it('mounts directories and no Docker socket, and shows its metrics to nobody outside its own network namespace', async () => {
    const mounts = JSON.parse(await stage.vpsShell("docker inspect -f '{{json .Mounts}}' edge")) as {
      Source: string;
      Destination: string;
    }[];
    expect(mounts.map(({ Destination }) => Destination)).toContain('/opt/edge/dynamic');
    expect(JSON.stringify(mounts)).not.toContain('docker.sock');
    for (const { Source } of mounts.filter(({ Destination }) => Destination.startsWith('/opt/edge/')))
      expect(await stage.vpsShell('stat -c %F "$1"', Source)).toBe('directory\n');
    const ports = await stage.vpsShell('docker port edge');
    expect(new Set(ports.match(/^\d+/gm))).toEqual(new Set(['80', '443']));
    expect(await inEdge('curl -sf http://127.0.0.1:8080/ping')).toBe('OK');
    const script = "fetch('http://edge:8080/ping').then(() => console.log('open'), (e) => console.log(e.cause.code))";
    expect(await stage.vpsShell('docker exec web node -e "$1"', script)).toBe('ECONNREFUSED\n');
  }, 120_000);

  it('serves the last routes with their certificate when it is restarted while the network is down', async () => {
    const built = await stage.running('v1');
    await must('docker', ['exec', '-i', vps.container, 'sh', '-c', 'cat > /tmp/ca.pem'], { input: tls.ca });
    const seen = await stage.vpsShell(`
      routes=$(ip route show default)
      ip link set eth0 down
      trap 'ip link set eth0 up; ip route replace $routes; rm /tmp/ca.pem' EXIT
      ! curl -s -m 3 -o /dev/null https://${registry.host}/v2/ || { echo 'the network is not down'; exit 1; }
      docker restart -t 5 edge >/dev/null
      for n in $(seq 50); do
        curl -s -m 2 -D - -o /dev/null --cacert /tmp/ca.pem --resolve ${HOST}:443:127.0.0.1 https://${HOST}/ && exit 0
        sleep 0.2
      done
      exit 1`);
    expect(seen).toMatch(/^HTTP\/\S+ 200/);
    expect(seen.toLowerCase()).toContain(`x-release: ${built.releaseId.toLowerCase()}`);
  }, 120_000);
});

describe('a rollback while the registry is gone', () => {
  it('works: what it needs is on the host, and no login is', async () => {
    const newer = await stage.running('v2');
    const older = (await stage.status()).previous?.release ?? '';
    await must('docker', ['stop', '-t', '5', registry.container]);
    try {
      const ran = await stage.rollback();
      expectCode(ran, 0);
      expect(ran.outputs['running-release']).toContain(older);
      expect(await stage.vpsShell('ls -A /root/.docker ~deploy/.docker 2>/dev/null || true')).not.toContain('config');
      expectCode(await stage.rollback({ release: newer.releaseId }), 0);
    } finally {
      await must('docker', ['start', registry.container]);
    }
  }, 200_000);
});

describe('an image without shell, curl or wget', () => {
  it('is judged all the same: the agent asks it from outside', async () => {
    const { runner } = stage.facts;
    const work = `/tmp/bare-${randomUUID().slice(0, 8)}`;
    const docker = `FROM node:24-trixie-slim
WORKDIR /app
COPY server.ts websocket.ts package.json ./
ENV NODE_ENV=production VERSION=bare BOOT_SECONDS=1
RUN ["node", "-e", "for (const name of ['sh', 'dash', 'bash', 'rbash', 'perl', 'curl', 'wget']) for (const at of ['/bin/', '/usr/bin/']) require('fs').rmSync(at + name, { force: true })"]
USER 10001:10001
CMD ["node", "server.ts"]
`;
    const compose = `x-release: {app: fixture}
services:
  web:
    build: .
    environment: {APP_KEY: '\${APP_KEY:?}'}
    x-release: {role: web, port: 3000, routes: [{host: ${HOST}}], health: {json: {status: healthy}}}
`;
    const put = (name: string, input: string): Promise<string> =>
      must('docker', ['exec', '-i', runner.container, 'sh', '-ec', 'cat > "$1"', 'put', `${work}/${name}`], { input });
    await must('docker', [
      ...['exec', runner.container, 'sh', '-ec'],
      ...['mkdir "$1"; cp "$2"/rehearsal/fixture/* "$1"/', 'make', work, runner.root],
    ]);
    await put('Dockerfile', docker);
    await put('compose.yaml', compose);
    const built = await stage.build(
      'bare',
      {},
      { inputs: { 'compose-file': 'compose.yaml' }, options: { cwd: work, env: { GITHUB_WORKSPACE: work } } },
    );
    const ran = await stage.deployRelease(built.release);
    expectCode(ran, 0);
    expect(ran.outputs['running-release']).toContain(built.releaseId);
    expect((await stage.vps('docker', 'exec', 'web', 'sh', '-c', 'true')).code).not.toBe(0);
  }, 300_000);
});
