// Runs every gate in order, prints each one's time, and ends with the line `N passed, N failed`.
// A gate that is a test suite counts its tests; any other gate counts as one.
// What a gate prints is in reports/<gate>.log. Of it, a line for each finished step is shown at once, and the end where the gate fails.
import { AsyncLocalStorage } from 'node:async_hooks';
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';

interface Tally {
  passed: number;
  failed: number;
  /** What failed and why, a line each; repeated after the table, where a reader of a long log looks first. */
  failures?: string[];
}
interface Gate {
  name: string;
  run: () => Promise<Tally>;
}

const root = resolve(import.meta.dirname, '..');
const reports = join(root, 'reports');
const node = process.execPath;
const bin = (tool: string): string => join(root, 'node_modules/.bin', tool);

/** The gate that runs, for whatever it starts. */
const current = new AsyncLocalStorage<string>();

/** Lines that tell of a finished test file, step or cell. All else that a gate prints is for its log. */
const PROGRESS = /^(?:PASS|FAIL|FAILED|RED|ok|found|SURVIVED|TEST DID NOT RUN)\b|^ *[\d.]+ s {2}(?:ok|FAILED): /;
/** How many of the last lines of a failed gate are shown. */
const END = 80;

const logOf = (gate: string): string => join(reports, `${gate}.log`);

function execute(argv: string[], env: Record<string, string> = {}): Promise<number> {
  const [command, ...args] = argv;
  const gate = current.getStore() ?? 'check';
  const log = createWriteStream(logOf(gate), { flags: 'a' });
  return new Promise((done) => {
    const child = spawn(command ?? '', args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    for (const stream of [child.stdout, child.stderr])
      createInterface(stream).on('line', (line) => {
        log.write(`${line}\n`);
        const text = stripVTControlCharacters(line);
        if (PROGRESS.test(text)) console.log(`${gate} | ${text}`);
      });
    const end = (code: number): void => void log.end(() => done(code));
    child.on('error', (error) => {
      log.write(`${String(error)}\n`);
      end(127);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numRuntimeErrorTestSuites: number;
  numPendingTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages?: string[] }[];
  }[];
}

/** The first lines of an error, without colours and without its stack. */
const brief = (message: string): string =>
  stripVTControlCharacters(message)
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s+at /.test(line))
    .slice(0, 8)
    .join('\n    ')
    .slice(0, 600);

/** Each failed test of a report, and each file that failed as a whole. */
function jestFailures({ testResults }: JestReport): string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    const failed = assertionResults.filter((test) => test.status !== 'passed');
    if (failed.length === 0) return status === 'failed' ? [`${file}: ${brief(message)}`] : [];
    return failed.map((test) => `${file}: ${test.fullName}: ${brief(test.failureMessages?.[0] ?? test.status)}`);
  });
}

const command =
  (...argv: string[]) =>
  async (): Promise<Tally> =>
    (await execute(argv)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };

/** Process tests that share the second pair of hosts. All others, new ones too, are on the first. */
const SECOND_SHARE = [
  'signature',
  'secrets',
  'roles',
  'migrate',
  'break-glass',
  'kill',
  'edge',
  'reboot',
  'load',
  'build',
  'provision-lockout',
  'provision-trouble',
];

/** Runs one jest project; a suite that cannot even load, or that runs no test at all, counts as a failure. `flags` are jest's own. */
const jest =
  (project: string, report = project, flags: readonly string[] = []) =>
  async (): Promise<Tally> => {
    const file = join(reports, `${report}.json`);
    await rm(file, { force: true });
    const code = await execute(
      [
        node,
        join(root, 'node_modules/jest/bin/jest.js'),
        ...['--selectProjects', project, '--json', '--outputFile', file],
        ...flags,
      ],
      { NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning' },
    );
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text === '') return { passed: 0, failed: 1 };
    const result = JSON.parse(text) as JestReport;
    // A test that is switched off proves nothing: it counts as failed.
    const failed = result.numFailedTests + result.numRuntimeErrorTestSuites + result.numPendingTests;
    const silent = failed === 0 && (code !== 0 || result.numPassedTests === 0);
    return { passed: result.numPassedTests, failed: silent ? 1 : failed, failures: jestFailures(result) };
  };

/** The same cells each time, for a gate must not turn on luck; other seeds and the whole table are `npm run test:full`'s. */
const FAULTS_SEED = '1';

/** A seeded sample of the faults; each cell counts as a test. */
async function faults(): Promise<Tally> {
  const file = join(reports, 'faults.json');
  await rm(file, { force: true });
  const code = await execute([node, 'rehearsal/faults/run.ts', '--sample', FAULTS_SEED, '--tally', file]);
  const text = await readFile(file, 'utf8').catch(() => '');
  if (text === '') return { passed: 0, failed: 1 };
  const tally = JSON.parse(text) as Tally;
  return tally.failed === 0 && (code !== 0 || tally.passed === 0) ? { ...tally, failed: 1 } : tally;
}

const share = `rehearsal/test/(${SECOND_SHARE.join('|')})\\.test\\.ts$`;
/**
 * Rounds, one after the other. The rows of a round run side by side, the gates of a row one after the other: two cores, and most gates
 * use one. Those that wait for hosts more than they work have hosts of their own in each row.
 */
const rounds: Gate[][][] = [
  [
    [
      { name: 'lint', run: command(bin('eslint'), '.') },
      { name: 'format', run: command(bin('prettier'), '--check', '--log-level', 'warn', '.') },
      { name: 'types', run: command(bin('tsc'), '--noEmit') },
      { name: 'types-api', run: command(bin('tsc'), '--noEmit', '-p', 'app/api') },
      { name: 'types-web', run: command(bin('tsc'), '--noEmit', '-p', 'app/web') },
      { name: 'docs', run: command(node, 'scripts/action-docs.ts', '--check') },
      { name: 'mutants', run: command(node, 'scripts/mutants.ts') },
    ],
    [{ name: 'dist', run: command(node, 'scripts/check-dist.ts') }],
  ],
  // Uses both cores by itself.
  [[{ name: 'unit', run: jest('unit') }]],
  [
    [
      { name: 'process-1', run: jest('process', 'process-1', ['--runInBand', '--testPathIgnorePatterns', share]) },
      { name: 'faults', run: faults },
    ],
    [
      { name: 'rehearsal', run: command(node, 'rehearsal/check.ts') },
      { name: 'process-2', run: jest('process', 'process-2', ['--runInBand', '--testPathPatterns', share]) },
    ],
  ],
];

const all = rounds.flat(2);
const wanted = process.argv.slice(2);
if (wanted.includes('--list')) {
  console.log(all.map((gate) => gate.name).join('\n'));
  process.exit(0);
}
/** `process` asks for all of its shares. */
const asked = (gate: Gate, name: string): boolean => gate.name === name || gate.name.startsWith(`${name}-`);
const unknown = wanted.filter((name) => !all.some((gate) => asked(gate, name)));
if (unknown.length > 0) {
  console.error(`unknown stage: ${unknown.join(', ')}. Stages: ${all.map((gate) => gate.name).join(', ')}`);
  process.exit(64);
}

await mkdir(reports, { recursive: true });
const rows: { gate: string; passed: number; failed: number; seconds: string }[] = [];
const failures: string[] = [];
async function pass(gate: Gate): Promise<void> {
  if (wanted.length > 0 && !wanted.some((name) => asked(gate, name))) return;
  const log = logOf(gate.name);
  await rm(log, { force: true });
  console.log(`${gate.name} begins`);
  const started = performance.now();
  const { passed, failed, failures: told } = await current.run(gate.name, gate.run);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  rows.push({ gate: gate.name, passed, failed, seconds });
  console.log(`${gate.name} ${failed === 0 ? 'passed' : 'FAILED'} in ${seconds} s`);
  if (failed === 0) return;
  const lines = stripVTControlCharacters(await readFile(log, 'utf8').catch(() => '')).split('\n');
  console.log(lines.slice(-END).join('\n'));
  const why =
    told ?? [...new Set(lines.filter((line) => /^(FAILED|RED) |^ *[\d.]+ s {2}FAILED: /.test(line)))].slice(-8);
  failures.push(...(why.length > 0 ? why : ['see its output above']).map((line) => `${gate.name}: ${line}`));
}

async function passRow(row: Gate[]): Promise<void> {
  for (const gate of row) await pass(gate);
}

for (const round of rounds) await Promise.all(round.map(passRow));
console.table(rows);
for (const failure of failures) console.log(`FAILED ${failure}`);
const sum = (key: 'passed' | 'failed'): number => rows.reduce((total, row) => total + row[key], 0);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exit(sum('failed') > 0 ? 1 : 0);
