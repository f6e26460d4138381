/**
 * The fixture app (listens some 2 s after its start, image in the registry) deployed to the VPS test host under 100 requests a second, beside plain
 * `docker compose pull && docker compose up -d` behind the same Traefik. Open loop, no retry, latency from the scheduled send.
 *   npm run bench [-- --runs 5] [--only deploy,rollback] [--write] [--keep]
 *   npm run bench -- --subject provision [--runs 3] [--write] [--keep]    provisioning beside Ansible (bench/provision.ts)
 * --write puts the table into docs/performance.md and needs all rows. The run is void unless plain compose loses more than 200
 * requests. With STAGE_FILE, as for the process tests, the hosts of that stage are used.
 */
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { lower } from '../rehearsal/test/raise.ts';
import { bootTimes } from './boot.ts';
import { openLink } from './link.ts';
import type { Link } from './link.ts';
import { preparePlain, removePlain } from './plain.ts';
import { resident } from './resident.ts';
import { ROWS } from './rows.ts';
import type { Row } from './rows.ts';
import { median } from './sample.ts';
import { measureProvision, provisionTable } from './provision.ts';
import { deploy, raiseForBench } from './subjects.ts';
import type { Bench } from './subjects.ts';
import { tables, writeSection } from './table.ts';
import type { Results } from './table.ts';

/** Each way. */
const DELAY_MS = 20;

const { values } = parseArgs({
  options: {
    subject: { type: 'string', default: 'deploy' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1 || runs > 20) throw new Error(`runs: 1 to 20 expected, found ${values.runs}`);
if (!['deploy', 'provision'].includes(values.subject))
  throw new Error(`subject: deploy or provision expected, found ${values.subject}`);
const wanted = values.only?.split(',') ?? ROWS.map(({ key }) => key);
const unknown = wanted.filter((key) => !ROWS.some((row) => row.key === key));
if (unknown.length > 0)
  throw new Error(`only: ${ROWS.map(({ key }) => key).join(', ')} expected, found ${unknown.join(', ')}`);
if (values.write && values.only !== undefined) throw new Error('write: needs all rows, so not with --only');

const instance = `bench-${Date.now().toString(36)}`;
const ownStage = process.env['STAGE_FILE'] === undefined;
const loads: number[] = [];
const say = (line: string): void => console.error(`  ${line}`);

async function series(row: Row, bench: Bench, link: Link): Promise<Results['samples'][string]> {
  const samples = [];
  for (let n = 0; n < runs; n++) {
    loads.push(loadavg()[0] ?? 0);
    const sample = await row.one(bench, n, link);
    say(
      `${row.key} ${String(n + 1)}/${String(runs)}: load ${(loads.at(-1) ?? 0).toFixed(1)} ${JSON.stringify(sample)}`,
    );
    samples.push(sample);
  }
  return samples;
}

/** The first run of each side warms both up and is not counted. */
async function measure(bench: Bench): Promise<Results> {
  const samples: Results['samples'] = {};
  const rows = ROWS.filter(({ key }) => wanted.includes(key));
  const link = await openLink(bench.stage.facts, DELAY_MS);
  try {
    for (const row of rows) {
      if (row.key === 'compose') {
        await preparePlain(bench.stage);
        await row.one(bench, 1, link);
      } else if (Object.keys(samples).every((key) => key === 'compose')) {
        await removePlain(bench.stage);
        for (const built of [bench.b, bench.a]) if ((await live(bench)) !== built.releaseId) await deploy(bench, built);
      }
      samples[row.key] = await series(row, bench, link);
    }
  } finally {
    await link.close();
  }
  while ((await bench.stage.status()).operation !== null) await sleep(1000);
  await sleep(1000);
  return { samples, resident: await resident(bench.stage), loads, boots: await bootTimes(bench.stage, runs) };
}

async function live(bench: Bench): Promise<string | undefined> {
  return (await bench.stage.status()).running?.release;
}

async function provisioning(): Promise<void> {
  const text = provisionTable(await measureProvision({ instance, runs, delayMs: DELAY_MS }, say));
  console.log(text);
  const command = `npm run bench -- --subject provision --runs ${String(runs)} --write`;
  const carried = 'the registry, both servers and what provisions them';
  if (values.write) await writeSection({ name: 'bench-provision', text, command, carried });
}

/** @returns whether the run counts */
async function deploying(): Promise<boolean> {
  const results = await measure(await raiseForBench(instance, runs, say));
  const text = tables(results);
  console.log(text);
  const lost = (results.samples['compose'] ?? []).map((sample) => sample.failures);
  if (lost.some((count) => count <= 200)) {
    console.log(
      `\nVOID: plain compose lost ${lost.join(', ')} requests; the generator has to see more than 200 each time.`,
    );
    return false;
  } else if (lost.length > 0) {
    console.log(
      `\nPlain compose lost ${String(median(lost))} requests (median), so the generator sees what is lost; the runs count.`,
    );
    const command = `npm run bench -- --runs ${String(runs)} --write`;
    const carried = 'the registry, the runner, the VPS and the load';
    if (values.write) await writeSection({ name: 'bench', text, command, carried });
  }
  return true;
}

let failed = false;
try {
  if (values.subject === 'provision') await provisioning();
  else failed = !(await deploying());
} catch (error) {
  console.error(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  failed = true;
} finally {
  if (!values.keep && ownStage) await lower(instance);
}
process.exitCode = failed ? 1 : 0;
