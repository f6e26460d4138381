// The rehearsal as a gate: everything that ./rehearse does, in an instance of its own, then what a user would try next, a browser's
// way through the tutor, a search for leaked secrets, and a mutant. Ends with `N passed, N failed`.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { down } from './hosts/rig.ts';
import { CHECKOUT } from './hosts/state.ts';
import { journey } from './journey/journey.ts';
import { ensureProgram } from './standins/machine.ts';
import { CLONE } from './verbs/replay.ts';
import { stopwatch } from './verbs/run.ts';
import { commitChange, hostStatus } from './verbs/session.ts';
import type { Session } from './verbs/session.ts';
import { address } from './verbs/site.ts';
import * as steps from './verbs/steps.ts';
import { rehearse } from './verbs/up.ts';

const instance = `check-${process.pid}`;
const say = stopwatch();
const results: { name: string; ok: boolean; detail: string }[] = [];

const record = (name: string, ok: boolean, detail = ''): void => {
  results.push({ name, ok, detail });
  say(`${ok ? 'ok' : 'FAILED'}: ${name}${detail === '' ? '' : `: ${detail}`}`);
};

/** What a user sees after the table: several releases, one running, a receipt. */
async function statusTells(session: Session): Promise<void> {
  const status = await hostStatus(session);
  const releases = new Set(status.ledger.filter(({ outcome }) => outcome === 'deployed').map(({ release }) => release));
  record('status shows two or more releases', releases.size >= 2, [...releases].join(', '));
  record('status shows the last receipt', status.receipt !== null, JSON.stringify(status.receipt));
  record('nothing holds the lock', status.operation === null);
}

async function browserJourney(session: Session): Promise<void> {
  await ensureProgram('chromium', ['chromium'], say);
  await ensureProgram('certutil', ['libnss3-tools'], say);
  const walked = await journey({
    url: address(session.site),
    caFile: join(session.rig.stateDir, 'ca.pem'),
    resolve: `${session.site.host}:${session.site.port}:127.0.0.1`,
  });
  for (const { step, width, ok, detail } of walked) record(`browser at ${width} px: ${step}`, ok, detail);
  if (walked.length === 0) record('browser journey', false, 'no step ran');
}

/** Names of the log files of this rehearsal that hold one of the secrets. */
async function leaks(session: Session): Promise<string[]> {
  const directory = join(session.rig.stateDir, 'logs');
  const needles = Object.entries(session.settings.secrets)
    .filter(([name]) => !['VPS_HOST', 'TLS_CERTIFICATE'].includes(name))
    .map(([, value]) => value.split('\n')[2] ?? value)
    .filter((value) => value.length >= 16);
  const found: string[] = [];
  for (const file of await readdir(directory)) {
    const text = await readFile(join(directory, file), 'utf8');
    if (needles.some((needle) => text.includes(needle))) found.push(file);
  }
  return found;
}

async function secretsStayHidden(session: Session): Promise<void> {
  const found = await leaks(session);
  record('no workflow log holds a secret', found.length === 0, found.join(', '));
  const planted = join(session.rig.stateDir, 'logs', 'planted.log');
  await writeFile(planted, `x${session.settings.secrets['APP_KEY'] ?? ''}x`, { mode: 0o600 });
  record('the search finds a secret that is planted', (await leaks(session)).includes('planted.log'));
}

/** What the newest workflow log says of failures: the instance, and with it the log, goes away. */
async function printFailures(): Promise<void> {
  const directory = join(CHECKOUT, '.rehearsal', instance, 'logs');
  const newest = (await readdir(directory).catch(() => []))
    .filter((file) => file !== 'planted.log')
    .sort()
    .at(-1);
  if (newest === undefined) return;
  const lines = (await readFile(join(directory, newest), 'utf8')).split('\n');
  const about = lines.flatMap((line, index) => (/●|FAIL|[Ee]rror/.test(line) ? lines.slice(index, index + 12) : []));
  console.log(`${newest}:\n${about.slice(0, 120).join('\n')}`);
}

const WORKFLOWS = `${CLONE}/.github/workflows`;

/** What the job "Gates" runs, as automation.yml has it: the check has run the first two itself, minutes ago, on the same files. */
const CHECKED = ['npm run lint', 'npm run test:unit'];
const QUICK = ['npm run types'];
/** Seconds that a release which never becomes healthy is waited for, on the host and by the verification. */
const PATIENCE = 15;

/**
 * Gates that a push need not run again. Those after the first must fail, or not, elsewhere; for the mutant it has to be so: the contract
 * tests would notice a missing step earlier.
 */
async function leaveOut(session: Session, gates: readonly string[]): Promise<void> {
  await editWorkflow(session, 'automation.yml', (text) => {
    let left = text;
    for (const gate of gates) {
      if (!left.includes(`run: ${gate}\n`)) throw new Error(`automation.yml has no step "${gate}" to leave out`);
      left = left.replace(`run: ${gate}\n`, "run: 'true'\n");
    }
    return left;
  });
}

async function editWorkflow({ rig }: Session, name: string, edit: (text: string) => string): Promise<void> {
  const file = `${WORKFLOWS}/${name}`;
  await rig.runner.write(file, edit((await rig.runner.exec(['cat', file])).stdout));
}

/** The pushes that follow are all refused: nobody has to wait a minute for each. */
async function loseTime(session: Session): Promise<void> {
  await commitChange(session, {
    file: 'app/compose.yaml',
    subject: 'Give a release less time to become healthy',
    edit: (text) => text.replaceAll(/deadlineSeconds: \d+/g, `deadlineSeconds: ${PATIENCE}`),
  });
  await editWorkflow(session, 'deploy.yml', (text) =>
    text.replace(/^( +)expected-release: .*\n/m, `$&$1deadline-seconds: ${PATIENCE}\n`),
  );
}

/** Without its deploy step a release is built and never arrives: the host's and the site's own word must tell. */
async function missesTheDeployStep(session: Session): Promise<void> {
  const file = `${WORKFLOWS}/deploy.yml`;
  const original = (await session.rig.runner.exec(['cat', file])).stdout;
  const block = /\n {6}- name: Deploy\n(?: {8}.*\n| {10}.*\n|\n)*(?= {6}- name: )/;
  if (!block.test(original)) {
    record('a workflow without its deploy step is noticed', false, 'deploy.yml has no step "Deploy" to take out');
    return;
  }
  const without = original.replace(block, '\n');
  if (without.includes('deploy-release')) throw new Error('the deploy step is still in the mutant');
  await session.rig.runner.write(file, without);
  const row = await steps.push(session, say);
  // Red for this reason and no other: what was pushed is not what answers.
  const noticed = !row.ok && /Verify deployment|the host runs/.test(row.happened);
  record('a workflow without its deploy step is noticed', noticed, row.happened);
}

try {
  const { rows, session } = await rehearse(instance, say, {
    placed: (placed) => leaveOut(placed, CHECKED),
    deployed: (deployed) => leaveOut(deployed, QUICK),
  });
  for (const row of rows) record(row.step, row.ok, row.happened);
  if (rows.every(({ ok }) => ok)) {
    await statusTells(session);
    await browserJourney(session);
    await loseTime(session);
    for (const how of ['health', 'build'] as const) {
      const row = await steps.pushSick(session, say, how);
      record(row.step, row.ok, row.happened);
    }
    await missesTheDeployStep(session);
    await secretsStayHidden(session);
  }
} catch (error) {
  record('the rehearsal', false, error instanceof Error ? (error.stack ?? error.message) : String(error));
} finally {
  if (results.some(({ ok }) => !ok)) await printFailures();
  await down(instance).catch((error: unknown) => record('down leaves nothing behind', false, String(error)));
}
const failed = results.filter(({ ok }) => !ok);
for (const { name, detail } of failed) console.log(`FAILED ${name}: ${detail}`);
console.log(`${results.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length > 0 || results.length === 0 ? 1 : 0;
