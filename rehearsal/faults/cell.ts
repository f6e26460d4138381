import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseLedger, previous, running } from '@delivery/release';
import type { Report } from '../load/report.ts';
import type { ActionRun, Started } from '../test/action.ts';
import { agentsOn, eventsOf, hold, knownRuns } from './hold.ts';
import type { Held } from './hold.ts';
import { judge, outageMs } from './judge.ts';
import type { Evidence, Verdict, Visits } from './judge.ts';
import { observe } from './observe.ts';
import type { HostState } from './observe.ts';
import { freshName, SECRETS } from './site.ts';
import type { Site } from './site.ts';
import { BLOWS, goOn } from './strike.ts';
import type { Cell } from './table.ts';

const RATE = 50;
/** The watch begins with the switch and its step after the drain: it has to be longer than that. */
const BAKE_SECONDS = '12';
/** An operation ends by itself within this after the strike; seconds. */
const END_SECONDS = 120;
/** The action may go on looking for its host for long; it is ended where it takes longer than this after the operation. Seconds. */
const PATIENCE_SECONDS = 20;
/** Of a step that takes a millisecond, the beginning is not always hit; then the cell is run again. */
const TRIES = 3;

export type CellResult =
  | {
      cell: Cell;
      kind: 'judged';
      verdict: Verdict;
      late: boolean;
      outcome: string | null;
      visits: Visits;
      outageMs: number;
      seconds: number;
    }
  /** The agent left the step out, and said why. */
  | { cell: Cell; kind: 'skipped'; reason: string; seconds: number }
  /** The cell could not be run: as red as a wrong answer. */
  | { cell: Cell; kind: 'broken'; reason: string; seconds: number };

/** Runs a cell, again where its step was too quick to be hit at its beginning, and judges the last try. */
export async function runCell(site: Site, cell: Cell, releases: readonly string[]): Promise<CellResult> {
  const began = performance.now();
  const seconds = (): number => Math.round((performance.now() - began) / 100) / 10;
  try {
    let result = await attempt(site, cell, releases);
    for (let n = 1; n < TRIES && result.kind === 'judged' && result.late; n += 1)
      result = await attempt(site, cell, releases);
    return { ...result, seconds: seconds() };
  } catch (error) {
    return { cell, kind: 'broken', reason: error instanceof Error ? error.message : String(error), seconds: seconds() };
  }
}

/** The release that the operation is to bring live, by what the host's ledger says is live and was live before. */
async function choose(
  site: Site,
  cell: Cell,
  releases: readonly string[],
  before: HostState,
): Promise<{ wanted: string; live: 'blue' | 'green' }> {
  const ledger = parseLedger(before.ledger);
  const now = running(ledger);
  const live = now?.colour;
  if (now === null || (live !== 'blue' && live !== 'green')) throw new Error('no colour is live');
  if (cell.verb === 'rollback') {
    const target = previous(ledger);
    if (target === null) throw new Error('no previous release to go back to');
    return { wanted: target.release, live };
  }
  // Only what this host has never had is really pulled.
  if (cell.step === 'pull') return { wanted: (await site.make(freshName('p'), { LAYER_MB: '20' })).releaseId, live };
  const wanted = releases.find((release) => release !== now.release);
  if (wanted === undefined) throw new Error('no other release to deploy');
  return { wanted, live };
}

async function attempt(site: Site, cell: Cell, releases: readonly string[]): Promise<CellResult> {
  const before = await observe(site);
  const { wanted, live } = await choose(site, cell, releases, before);
  const init = await site.init();
  const known = knownRuns(init);
  const inputs =
    cell.verb === 'rollback'
      ? site.rollbackInputs()
      : site.deployInputs(site.referenceOf(wanted), cell.step === 'bake' ? { 'bake-seconds': BAKE_SECONDS } : {});
  // An operation that is there before the load is waits for it, standing still.
  const [load, action, reached] = await Promise.all([
    site.load('get', { rate: String(RATE), 'timeout-ms': '5000' }),
    sleep(1000).then(() => site.start(cell.verb, inputs)),
    hold(init, known, cell.step),
  ]);
  let held: Held | null = null;
  try {
    if ('reason' in reached) {
      const ran = await action.ended;
      await load.stop();
      if (reached.skipped && cell.step === 'bake') return { cell, kind: 'skipped', reason: reached.reason, seconds: 0 };
      throw new Error(`${reached.reason}\n${ran.log.slice(-1500)}`);
    }
    held = reached;
    const struckAt = Date.now();
    const scene = { site, cell, action, held, live, wanted };
    await BLOWS[cell.victim].hit(scene);
    goOn(held.pid);
    await operationEnd(site);
    const outcome = outcomeOf(held.file, site, init);
    await BLOWS[cell.victim].heal?.(scene);
    await settled(action);
    const answering = await site.answering(Math.max(15, cell.outageSeconds));
    const ran = await site.deployTo(site.referenceOf(wanted), { 'lock-wait-seconds': '60' });
    await operationEnd(site);
    const visits = visitsOf(await load.stop());
    const [next, served] = await Promise.all([nextOf(site, ran), site.answering(10)]);
    const evidence: Evidence = {
      struckAt,
      visits,
      answering,
      outcome: await outcome,
      wanted,
      next,
      served,
      before,
      after: await observe(site),
      secrets: SECRETS,
    };
    const verdict = judge(cell, evidence);
    return {
      cell,
      kind: 'judged',
      verdict,
      late: held.late,
      outcome: evidence.outcome,
      visits,
      outageMs: outageMs(evidence),
      seconds: 0,
    };
  } catch (error) {
    if (held !== null) goOn(held.pid);
    await action.kill().catch(() => undefined);
    await load.stop().catch(() => undefined);
    // The next cell must not meet this one's operation.
    await operationEnd(site).catch(() => undefined);
    throw error;
  }
}

async function nextOf(site: Site, ran: ActionRun): Promise<Evidence['next']> {
  const status = await site.status();
  return {
    code: ran.code,
    outcome: ran.outputs['outcome'] ?? '',
    running: status.running?.release ?? null,
    log: ran.log,
  };
}

/** Waits until no operation of the app is under way on the host. */
async function operationEnd(site: Site): Promise<void> {
  const until = Date.now() + END_SECONDS * 1000;
  while (Date.now() < until) {
    const init = await site.init();
    if (agentsOn(init).length === 0) return;
    await sleep(50);
  }
  throw new Error(`the operation did not end within ${String(END_SECONDS)} s after the strike`);
}

/** The action's own end is not what a cell is about: one that still looks for its host is ended. */
async function settled(action: Started): Promise<void> {
  const ended = await Promise.race([action.ended, sleep(PATIENCE_SECONDS * 1000, null)]);
  if (ended !== null) return;
  await action.kill();
  await action.ended;
}

async function outcomeOf(file: string, site: Site, init: number): Promise<string | null> {
  // After a reboot the same file is found through the host's new first process.
  const now = file.replace(`/proc/${String(init)}/`, `/proc/${String(await site.init())}/`);
  const result = eventsOf(readFileSync(now, 'utf8')).find((event) => event.event === 'result');
  return result?.event === 'result' ? result.outcome : null;
}

function visitsOf(report: Report): Visits {
  const origin = Date.parse(report.startedAt);
  const first = report.firstFailures[0];
  return {
    requests: report.requests,
    failures: report.failures,
    causes: report.byCause,
    firstFailureAt: first === undefined ? null : origin + first.at,
    lastFailureAt: report.lastFailureAt === null ? null : origin + report.lastFailureAt,
  };
}
