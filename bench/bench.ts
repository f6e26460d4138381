/**
 * The fixture app (boots in 2 s, image in the registry) deployed to the VPS test host under 100 requests a second, beside plain
 * `docker compose pull && docker compose up -d` behind the same Traefik. Open loop, no retry, latency from the scheduled send.
 *   npm run bench [-- --runs 5] [--write] [--keep]
 * --write puts the table into docs/performance.md. The run is void unless plain compose loses more than 200 requests.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { errorLine, lower, ours, plain, raiseForBench } from './subjects.ts';
import type { Bench, Sample } from './subjects.ts';
import { median, rows, writeSection } from './table.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1 || runs > 20) throw new Error(`runs: 1 to 20 expected, found ${values.runs}`);

const instance = `bench-${Date.now().toString(36)}`;
const loadBefore = loadavg()[0] ?? 0;
const say = (line: string): void => console.error(`  ${line}`);

async function series(name: string, one: (n: number) => Promise<Sample>): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let n = 0; n < runs; n++) {
    const sample = await one(n);
    say(`${name} ${String(n + 1)}/${String(runs)}: ${JSON.stringify(sample)}`);
    samples.push(sample);
  }
  return samples;
}

async function measure(bench: Bench): Promise<Record<string, Sample[]>> {
  // The first run of each side warms both up and is not counted.
  await plain(bench, 'a');
  const compose = await series('plain compose', (n) => plain(bench, n % 2 === 0 ? 'b' : 'a'));
  await ours.deploy(bench, 'a', 'get');
  return {
    compose,
    deploy: await series('deploy', (n) => ours.deploy(bench, n % 2 === 0 ? 'b' : 'a', 'get')),
    fresh: await series('deploy, never seen', (n) => ours.deployNew(bench, n, 'get')),
    mixed: await series('deploy, mixed load', (n) => ours.deploy(bench, n % 2 === 0 ? 'a' : 'b', 'mixed')),
    rollback: await series('rollback', () => ours.rollback(bench, 'get')),
    crash: await series('crash at boot', () => ours.crash(bench, 'get')),
  };
}

let failed = false;
try {
  const bench = await raiseForBench(instance, runs, say);
  const results = await measure(bench);
  const lost = (results['compose'] ?? []).map((sample) => sample.failures);
  const table = rows(results);
  console.log(table);
  if (lost.some((count) => count <= 200)) {
    console.log(
      `\nVOID: plain compose lost ${lost.join(', ')} requests; the generator has to see more than 200 each time.`,
    );
    failed = true;
  } else {
    console.log(
      `\nPlain compose lost ${String(median(lost))} requests (median), so the generator sees what is lost; the runs count.`,
    );
    if (values.write) await writeSection(table, runs, loadBefore);
  }
} catch (error) {
  console.error(errorLine(error));
  failed = true;
} finally {
  if (!values.keep) await lower(instance);
}
process.exitCode = failed ? 1 : 0;
