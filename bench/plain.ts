import { must } from '../rehearsal/test/process.ts';
import type { Stage } from '../rehearsal/test/stage.ts';
import type { Built } from '../rehearsal/test/stage.ts';
import { pause, sample } from './sample.ts';
import type { Sample } from './sample.ts';

const DIRECTORY = '/opt/plain';

/** Plain compose's project on the same host, behind the same edge under a fixed name, in the edge's network. */
export async function preparePlain(stage: Stage): Promise<void> {
  const { registry } = stage.facts;
  const compose = `name: plain
services:
  web:
    image: \${PLAIN_IMAGE:?}
    environment: {RELEASE_ID: '\${PLAIN_RELEASE:?}', APP_KEY: unused}
    restart: unless-stopped
    networks: {edge: {aliases: [plain-web]}}
networks:
  edge: {external: true}
`;
  const route = `http:
  routers:
    plain: {rule: "Host(\`plain.test\`)", service: plain, entryPoints: [websecure], tls: {}}
  services:
    plain: {loadBalancer: {servers: [{url: "http://plain-web:3000"}]}}
`;
  const write = (path: string, text: string): Promise<string> =>
    must(
      'docker',
      ['exec', '-i', stage.facts.vps.container, 'sh', '-ec', 'mkdir -p "$(dirname "$1")"; cat > "$1"', 'write', path],
      { input: text },
    );
  await write(`${DIRECTORY}/compose.yaml`, compose);
  await write('/opt/edge/staging/plain.yaml', route);
  await stage.vpsShell('mv /opt/edge/staging/plain.yaml /opt/edge/dynamic/plain.yaml');
  await must(
    'docker',
    [
      ...['exec', '-i', '-e', 'DOCKER_CONFIG=/root/plain', stage.facts.vps.container],
      ...['docker', 'login', '-u', registry.username, '--password-stdin', registry.host],
    ],
    { input: registry.password },
  );
}

/** Takes plain compose's app and route away, so that what is measured afterwards shares the host with nothing. */
export async function removePlain(stage: Stage): Promise<void> {
  await stage.vpsShell(
    'rm -f /opt/edge/dynamic/plain.yaml; docker ps -aq --filter label=com.docker.compose.project=plain | xargs -r docker rm -f',
  );
}

function imageOf(built: Built): string {
  const found = /[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}/.exec(built.images)?.[0];
  if (found === undefined) throw new Error(`no image by digest in ${built.images}`);
  return found;
}

/** `docker compose pull && docker compose up -d` on the host itself: no SSH in its time. */
export async function plain(stage: Stage, built: Built): Promise<Sample> {
  const load = await stage.load('get', { url: 'https://plain.test' });
  const began = Date.now();
  await must('docker', [
    ...['exec', '-w', DIRECTORY, '-e', 'DOCKER_CONFIG=/root/plain'],
    ...['-e', `PLAIN_IMAGE=${imageOf(built)}`, '-e', `PLAIN_RELEASE=${built.releaseId}`],
    ...[stage.facts.vps.container, 'sh', '-ec', 'docker compose pull -q && docker compose up -d --quiet-pull'],
  ]);
  const wall = (Date.now() - began) / 1000;
  await pause(6);
  const report = await load.stop();
  await pause(1);
  return sample(report, began, { wall });
}
