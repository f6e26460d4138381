/**
 * Plants each fault of scripts/mutants-list.ts, one at a time, in a copy of this checkout and runs the test that is named for it. A fault
 * that the test does not find is a hole in the tests. Never touches the checkout itself.
 *
 *     npm run test:mutants                    the fast ones (unit tests)
 *     npm run test:mutants -- --all           those on test hosts too
 *     npm run test:mutants -- 'drain skipped' one, by its name
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { MUTANTS } from './mutants-list.ts';
import type { Mutant } from './mutants-list.ts';

const root = resolve(import.meta.dirname, '..');
const NODE_OPTIONS = '--experimental-vm-modules --disable-warning=ExperimentalWarning';

/**
 * - `red`: the named test ran and failed
 * - `green`: it ran and passed
 * - `broken`: it did not run: there is no such test, or the code does not load
 */
type Found = 'red' | 'green' | 'broken';

interface Row {
  mutant: string;
  found: string;
  test: string;
  seconds: string;
}

/** A copy of every file that is not ignored; bundles only where a test runs them. Dependencies are linked, our own packages are the copy's. */
function copy(bundles: boolean): string {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'mutants-')));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const file of listed.toString('utf8').split('\0')) {
    if (file === '' || (!bundles && /(^|\/)dist\//.test(file))) continue;
    try {
      cpSync(join(root, file), join(scratch, file), { recursive: false });
    } catch (error) {
      // Removed in the checkout and not yet in the index.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  link(join(root, 'node_modules'), join(scratch, 'node_modules'), scratch);
  return scratch;
}

function link(from: string, to: string, scratch: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    const source = join(from, name);
    if (name.startsWith('@')) {
      link(source, join(to, name), scratch);
      continue;
    }
    const inside = lstatSync(source).isSymbolicLink() ? relative(root, realpathSync(source)) : '..';
    const own = !inside.startsWith('..') && !inside.startsWith('node_modules');
    symlinkSync(own ? join(scratch, inside) : source, join(to, name));
  }
}

/** Plants the fault; the returned function takes it out again. Throws where the code has changed and the fault fits no more. */
function plant(scratch: string, { name, file, edits }: Mutant): () => void {
  const path = join(scratch, file);
  const sound = readFileSync(path, 'utf8');
  let text = sound;
  for (const [from, to] of edits) {
    if (text.split(from).length !== 2) throw new Error(`${name}: ${file} does not hold this text once: ${from}`);
    text = text.replace(from, () => to);
  }
  writeFileSync(path, text);
  return () => writeFileSync(path, sound);
}

function execute(argv: readonly string[], cwd: string): Promise<string> {
  return new Promise((done, failed) => {
    const [command = '', ...args] = argv;
    const child = spawn(command, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.on('error', failed);
    child.on('close', () => done(said));
  });
}

interface Report {
  testResults: { assertionResults: { fullName: string; status: string }[] }[];
}

/** Runs the tests of these names in these files; what came of each whose name was asked for. */
async function tests(
  scratch: string,
  ring: string,
  files: readonly string[],
  names: readonly string[],
): Promise<Report> {
  const report = join(scratch, 'mutants-report.json');
  rmSync(report, { force: true });
  const patterns = names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const argv = [
    ...[process.execPath, join(scratch, 'node_modules/jest/bin/jest.js'), '--selectProjects', ring, '--runInBand'],
    // A test that a mutant turns red may leave something running.
    ...['--forceExit', '--json', '--outputFile', report, '--testNamePattern', patterns.join('|')],
    ...['--runTestsByPath', ...files.map((file) => join(scratch, file))],
  ];
  const said = await execute(argv, scratch);
  try {
    return JSON.parse(readFileSync(report, 'utf8')) as Report;
  } catch {
    throw new Error(`jest gave no report:\n${said.slice(-4000)}`);
  }
}

function judge(report: Report, name: string): Found {
  const asked = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ fullName, status }) => fullName.includes(name) && ['passed', 'failed'].includes(status));
  if (asked.length === 0) return 'broken';
  return asked.some(({ status }) => status === 'failed') ? 'red' : 'green';
}

async function attempt(scratch: string, mutant: Mutant): Promise<Found> {
  const restore = plant(scratch, mutant);
  try {
    if (mutant.ring === 'process') await execute([process.execPath, join(scratch, 'scripts/build-dist.ts')], scratch);
    return judge(await tests(scratch, mutant.ring, [mutant.testFile], [mutant.test]), mutant.test);
  } finally {
    restore();
  }
}

/** Without any fault, every named test has to pass: a red one would prove nothing. */
async function baseline(scratch: string, list: readonly Mutant[]): Promise<string[]> {
  const unit = list.filter(({ ring }) => ring === 'unit');
  if (unit.length === 0) return [];
  const files = [...new Set(unit.map(({ testFile }) => testFile))];
  const names = [...new Set(unit.map(({ test }) => test))];
  const report = await tests(scratch, 'unit', files, names);
  return names.filter((name) => judge(report, name) !== 'green');
}

async function main(wanted: readonly string[]): Promise<boolean> {
  const all = wanted.includes('--all');
  const named = wanted.filter((word) => !word.startsWith('--'));
  const unknown = named.filter((name) => !MUTANTS.some((mutant) => mutant.name === name));
  if (unknown.length > 0) throw new Error(`no such mutant: ${unknown.join(', ')}`);
  const list = MUTANTS.filter(({ name, ring }) => (named.length > 0 ? named.includes(name) : all || ring === 'unit'));
  const hosts = list.some(({ ring }) => ring === 'process');
  // Test hosts are for one at a time.
  const width = hosts ? 1 : Math.min(availableParallelism(), list.length, 4);
  const copies = Array.from({ length: width }, () => copy(hosts));
  try {
    const [first = ''] = copies;
    const red = await baseline(first, list);
    if (red.length > 0) throw new Error(`red without any mutant: ${red.join('; ')}`);
    const queue = [...list];
    const rows: Row[] = [];
    await Promise.all(
      copies.map(async (scratch) => {
        for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
          const began = performance.now();
          const found = await attempt(scratch, mutant);
          const said = { red: 'found', green: 'SURVIVED', broken: 'TEST DID NOT RUN' }[found];
          const seconds = ((performance.now() - began) / 1000).toFixed(1);
          console.log(`${said}: ${mutant.name} (${seconds} s)`);
          rows.push({
            mutant: mutant.name,
            found: said,
            test: `${mutant.testFile}: ${mutant.test.slice(0, 60)}`,
            seconds,
          });
        }
      }),
    );
    rows.sort(
      (a, b) => list.findIndex(({ name }) => name === a.mutant) - list.findIndex(({ name }) => name === b.mutant),
    );
    console.table(rows);
    return rows.every(({ found }) => found === 'found');
  } finally {
    for (const scratch of copies) rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
