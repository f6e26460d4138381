/**
 * Strikes each victim at each step of a deploy and of a rollback, and judges what became of it.
 *   node rehearsal/faults/run.ts                       every cell of the table
 *   node rehearsal/faults/run.ts --sample [SEED]       one of each row, all victims among them; prints its seed
 *   node rehearsal/faults/run.ts --only 'gate × agent' those whose name contains the text; may be given again
 * --lanes N strikes on N sets of hosts at once: a cell waits more than it works. --report FILE writes the table as Markdown, --tally FILE
 * the counts as JSON, --keep leaves the hosts standing and prints how to use them again (FAULTS_STAGE=..., one lane).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release as kernel, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { cgroupVersion } from '../standins/machine.ts';
import { ROOT } from '../test/action.ts';
import { runCell } from './cell.ts';
import type { CellResult } from './cell.ts';
import { plantAll } from './planted.ts';
import { line, markdown, passed, troubles } from './report.ts';
import { sample } from './sample.ts';
import { lowerSite, openSite, raiseSite } from './site.ts';
import type { Site } from './site.ts';
import { healAll } from './strike.ts';
import { isCell, nameOf, table } from './table.ts';
import type { Cell } from './table.ts';

const { values, positionals } = parseArgs({
  options: {
    sample: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    lanes: { type: 'string', default: '1' },
    report: { type: 'string' },
    tally: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

function seedOf(text: string | undefined): number {
  if (text === undefined) return Math.floor(Math.random() * 2 ** 32);
  if (!/^\d{1,10}$/.test(text)) throw new Error(`seed: digits expected, found ${JSON.stringify(text)}`);
  return Number(text);
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
}

function machine(): string[] {
  const [first] = cpus();
  const docker = execFileSync('docker', ['version', '--format', '{{.Server.Version}}'], { encoding: 'utf8' }).trim();
  return [
    `${String(cpus().length)} cores (${first?.model.trim() ?? 'unknown'}), ${String(Math.round(totalmem() / 1024 ** 3))} GB`,
    `Linux ${kernel()}, cgroups v${String(cgroupVersion())}, Docker ${docker}`,
  ];
}

const entries = table();
const seed = values.sample ? seedOf(positionals[0]) : null;
const all = seed === null ? entries.filter(isCell) : sample(entries, seed);
const { only } = values;
const cells = only === undefined ? all : all.filter((cell) => only.some((text) => nameOf(cell).includes(text)));
if (seed !== null)
  console.log(`seed ${String(seed)}: npm run test:faults -- --sample ${String(seed)} runs the same cells`);
const about = {
  commit: git('rev-parse', 'HEAD'),
  changed: git('status', '--porcelain', '--untracked-files=no') !== '',
  date: new Date().toISOString().slice(0, 16).replace('T', ' '),
  seed,
  machine: machine(),
};

const given = process.env['FAULTS_STAGE'];
const lanes = given === undefined ? Number(values.lanes) : 1;
if (!Number.isInteger(lanes) || lanes < 1 || lanes > 4)
  throw new Error(`--lanes: 1 to 4 expected, found ${JSON.stringify(values.lanes)}`);
const began = Date.now().toString(36);
const results: CellResult[] = [];
const queue = [...cells];
let planted: Awaited<ReturnType<typeof plantAll>> = [];
// All of them have ended, and their hosts are gone, before anything is said.
const ended = await Promise.allSettled(Array.from({ length: lanes }, (_, lane) => strikeAlong(lane)));
write();
for (const lane of ended) if (lane.status === 'rejected') throw lane.reason;
for (const { name, found, missed } of planted) {
  console.log(`${missed.length === 0 ? 'ok  ' : 'RED '} planted: ${name}: ${String(found.length)} findings`);
  if (missed.length > 0)
    console.log(`       not found: ${missed.join(', ')}\n       found: ${found.join('\n              ')}`);
}
const green =
  results.filter((result) => passed(result) === true).length +
  planted.filter(({ missed }) => missed.length === 0).length;
const red =
  results.filter((result) => passed(result) === false).length +
  planted.filter(({ missed }) => missed.length > 0).length;
console.log(`${String(green)} passed, ${String(red)} failed${seed === null ? '' : ` (seed ${String(seed)})`}`);
if (values.tally !== undefined) writeFileSync(values.tally, `${JSON.stringify({ passed: green, failed: red })}\n`);
process.exitCode = red === 0 && green > 0 ? 0 : 1;

/** Raises a set of hosts and strikes on it what is left of the table; the first lane looks at the planted faults as well. */
async function strikeAlong(lane: number): Promise<void> {
  const instance = `faults-${began}-${String(lane)}`;
  const file = given ?? (await raiseSite(instance, (text) => console.error(`  ${text}`)));
  const { site, device } = openSite(file);
  if (values.keep) console.error(`  FAULTS_STAGE=${file}`);
  try {
    const releases = await begin(site);
    for (let cell = queue.shift(); cell !== undefined; cell = queue.shift()) await strike(site, cell, releases);
    if (lane === 0 && (only === undefined || only.includes('planted'))) planted = await plantAll(site, releases);
  } finally {
    if (!values.keep && given === undefined) await lowerSite(instance, device);
  }
}

/** Two releases, both deployed once: there is always one to go to and one to go back to. */
async function begin(on: Site): Promise<string[]> {
  await healAll(on);
  const ids: string[] = [];
  for (const name of ['one', 'two']) {
    const built = await on.once(`faults-${name}`, () => on.make(name));
    on.remember(built);
    ids.push(built.releaseId);
  }
  // Whatever a kept site ran before: one, then two.
  for (const id of ids) {
    const ran = await on.deployTo(on.referenceOf(id), { 'lock-wait-seconds': '60' });
    if (ran.code !== 0) throw new Error(`the first deploys ended with ${String(ran.code)}\n${ran.log}`);
  }
  return ids;
}

async function strike(site: Site, cell: Cell, releases: readonly string[]): Promise<void> {
  let result = await runCell(site, cell, releases);
  if (result.kind === 'broken') {
    // The blow did not fall: nothing was shown either way.
    console.log(`again: ${nameOf(cell)}: ${result.reason.split('\n')[0] ?? ''}`);
    await healAll(site);
    result = await runCell(site, cell, releases);
  }
  results.push(result);
  console.log(line(result));
  for (const text of troubles(result)) console.log(`       ${text}`);
  if (passed(result) === false) await healAll(site);
  write();
}

/** Written after every cell: a run that is cut short has its report, too. */
function write(): void {
  if (values.report === undefined) return;
  mkdirSync(dirname(values.report), { recursive: true });
  writeFileSync(values.report, markdown(entries, results, about));
}
