import { lower, raise } from '../rehearsal/test/raise.ts';
import { startInRunner } from '../rehearsal/test/action.ts';
import type { ActionRun } from '../rehearsal/test/action.ts';
import { must } from '../rehearsal/test/process.ts';
import { Stage } from '../rehearsal/test/stage.ts';
import type { Built } from '../rehearsal/test/stage.ts';
import type { Report } from '../rehearsal/load/report.ts';

export { lower };

/** One measured command. Times in seconds, latency in milliseconds. */
export interface Sample {
  /** start of the command's process to the confirmed switch; null where nothing was switched */
  switched: number | null;
  /** start of the command's process to its end */
  wall: number;
  /** start of the command to the first answer of the new release, seen by the load; null where none came */
  firstNew: number | null;
  requests: number;
  failures: number;
  p99: number;
  maxOk: number;
}

export interface Bench {
  stage: Stage;
  a: Built;
  b: Built;
  crash: Built;
  fresh: Built[];
}

type Mix = 'get' | 'mixed';

export function errorLine(error: unknown): string {
  return `bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

/** Raises the test hosts, provisions the VPS and builds every release that the runs need. */
export async function raiseForBench(instance: string, runs: number, say: (line: string) => void): Promise<Bench> {
  process.env['STAGE_FILE'] = await raise(instance, say);
  const stage = Stage.open();
  say('provisioning');
  await stage.provisioned();
  say('building releases');
  const layer = { LAYER_MB: '5' };
  const a = await stage.build('a', layer);
  const b = await stage.build('b', layer);
  const crash = await stage.build('crash', { ...layer, SICK: 'crash' });
  const fresh: Built[] = [];
  for (let n = 0; n < runs; n++) fresh.push(await stage.build(`fresh${String(n)}`, layer));
  await preparePlain(stage);
  return { stage, a, b, crash, fresh };
}

const PLAIN = '/opt/plain';

/** Plain compose's project on the same host, behind the same edge under a fixed name, in the edge's network. */
async function preparePlain(stage: Stage): Promise<void> {
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
  await write(`${PLAIN}/compose.yaml`, compose);
  await write('/opt/edge/staging/plain.yaml', route);
  await stage.vpsShell('mv /opt/edge/staging/plain.yaml /opt/edge/dynamic/plain.yaml');
  await must(
    'docker',
    [
      'exec',
      '-i',
      '-e',
      'DOCKER_CONFIG=/root/plain',
      stage.facts.vps.container,
      'docker',
      'login',
      '-u',
      registry.username,
      '--password-stdin',
      registry.host,
    ],
    { input: registry.password },
  );
}

function imageOf(built: Built): string {
  const found = /[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}/.exec(built.images)?.[0];
  if (found === undefined) throw new Error(`no image by digest in ${built.images}`);
  return found;
}

function sample(report: Report, began: number, wall: number, switched: number | null): Sample {
  const next = report.firstNewReleaseMs;
  const firstNew = next === null ? null : (Date.parse(report.startedAt) + next - began) / 1000;
  return {
    switched,
    wall,
    firstNew,
    requests: report.requests,
    failures: report.failures,
    p99: report.p99,
    maxOk: report.max,
  };
}

const pause = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** `docker compose pull && docker compose up -d` on the host itself: no SSH in its time. */
export async function plain(bench: Bench, which: 'a' | 'b'): Promise<Sample> {
  const { stage } = bench;
  const built = bench[which];
  const load = await stage.load('get', { url: 'https://plain.test' });
  const began = Date.now();
  await must('docker', [
    ...[
      'exec',
      '-w',
      PLAIN,
      '-e',
      'DOCKER_CONFIG=/root/plain',
      '-e',
      `PLAIN_IMAGE=${imageOf(built)}`,
      '-e',
      `PLAIN_RELEASE=${built.releaseId}`,
    ],
    ...[stage.facts.vps.container, 'sh', '-ec', 'docker compose pull -q && docker compose up -d --quiet-pull'],
  ]);
  const wall = (Date.now() - began) / 1000;
  await pause(6);
  const report = await load.stop();
  await pause(1);
  return sample(report, began, wall, null);
}

/** Runs an action under load and notes when its log said that the switch was confirmed. */
async function underLoad(
  bench: Bench,
  mix: Mix,
  start: (onOutput: (text: string) => void) => Promise<ActionRun>,
  code: number,
): Promise<Sample> {
  const load = await bench.stage.load(mix, { 'slow-seconds': '4' });
  const began = Date.now();
  let switched: number | null = null;
  let log = '';
  const ran = await start((text) => {
    log += text;
    if (switched === null && /✓ confirm /.test(log)) switched = (Date.now() - began) / 1000;
  });
  const wall = (Date.now() - began) / 1000;
  await pause(3);
  const report = await load.stop();
  if (ran.code !== code) throw new Error(`exit code ${String(code)} expected, found ${String(ran.code)}\n${ran.log}`);
  return sample(report, began, wall, switched);
}

async function deploy(bench: Bench, built: Built, mix: Mix, code = 0): Promise<Sample> {
  const { stage } = bench;
  // The drain of the run before has to be over, as plain compose's outage has.
  await idle(stage);
  return underLoad(
    bench,
    mix,
    async (onOutput) =>
      (await startInRunner(stage.facts.runner, 'deploy-release', stage.deployInputs(built.release), { onOutput }))
        .ended,
    code,
  );
}

async function idle(stage: Stage): Promise<void> {
  for (let n = 0; n < 60 && (await stage.status()).operation !== null; n++) await pause(1);
}

export const ours = {
  deploy: (bench: Bench, which: 'a' | 'b', mix: Mix): Promise<Sample> => deploy(bench, bench[which], mix),

  /** An image whose 5 MB layer the host has never seen. */
  deployNew: (bench: Bench, n: number, mix: Mix): Promise<Sample> => {
    const built = bench.fresh[n];
    if (built === undefined) throw new Error(`no release was built for run ${String(n)}`);
    return deploy(bench, built, mix);
  },

  crash: (bench: Bench, mix: Mix): Promise<Sample> => deploy(bench, bench.crash, mix, 1),

  /** To the colour that was live before, which is still warm. */
  rollback: async (bench: Bench, mix: Mix): Promise<Sample> => {
    const { stage } = bench;
    await idle(stage);
    const { facts } = stage;
    const inputs = { ...stage.ssh(), user: 'deploy', 'ssh-key': facts.deployKey.private };
    const previous = (await stage.status()).previous?.release ?? '';
    return underLoad(
      bench,
      mix,
      async (onOutput) =>
        (await startInRunner(facts.runner, 'rollback', { ...inputs, release: previous }, { onOutput })).ended,
      0,
    );
  },
};
