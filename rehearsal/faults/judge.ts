import { parseEnvFile, parseLedger } from '@delivery/release';
import type { HostState, SeenContainer } from './observe.ts';
import type { Cell } from './table.ts';

/** What visitors saw; times in milliseconds since 1970. */
export interface Visits {
  requests: number;
  failures: number;
  causes: Record<string, number>;
  firstFailureAt: number | null;
  lastFailureAt: number | null;
}

/** Everything that a cell left behind, for the judge. */
export interface Evidence {
  /** When the victim was struck, milliseconds since 1970. */
  struckAt: number;
  visits: Visits;
  /** Release that the public path answered with after the operation, null where it did not answer in time. */
  answering: string | null;
  /** Outcome in the operation's own run file, null where it has none. */
  outcome: string | null;
  /** What the operation was to bring live. */
  wanted: string;
  /** The next run for the same release: its exit code, its outcome, and what the host says it runs. */
  next: { code: number | null; outcome: string; running: string | null; log: string };
  /** What the public path answers with at the very end. */
  served: string | null;
  before: HostState;
  after: HostState;
  secrets: Readonly<Record<string, string>>;
}

/** What is wrong with a cell, by the three questions; nothing where all three are answered with yes. */
export interface Verdict {
  serving: string[];
  converged: string[];
  kept: string[];
}

const PURPOSE: ReadonlySet<string> = new Set(['deployed', 'rolled_back', 'unchanged']);

export function judge(cell: Cell, evidence: Evidence): Verdict {
  return { serving: serving(cell, evidence), converged: converged(cell, evidence), kept: kept(evidence) };
}

export function isGreen({ serving, converged, kept }: Verdict): boolean {
  return serving.length + converged.length + kept.length === 0;
}

/** How long requests failed, in milliseconds: from the strike to the last failure. */
export function outageMs({ struckAt, visits }: Pick<Evidence, 'struckAt' | 'visits'>): number {
  return visits.lastFailureAt === null ? 0 : Math.max(0, visits.lastFailureAt - struckAt);
}

function serving(cell: Cell, evidence: Evidence): string[] {
  const { visits, answering, struckAt } = evidence;
  const problems: string[] = [];
  const causes = JSON.stringify(visits.causes);
  if (visits.requests < 50)
    problems.push(`only ${String(visits.requests)} requests were sent: too few to say anything`);
  if (cell.outageSeconds === 0) {
    if (visits.failures > 0)
      problems.push(`${String(visits.failures)} of ${String(visits.requests)} requests failed: ${causes}`);
  } else if (visits.failures > 0) {
    const seconds = outageMs(evidence) / 1000;
    if (visits.firstFailureAt !== null && visits.firstFailureAt < struckAt)
      problems.push(`requests failed before the strike: ${causes}`);
    if (seconds > cell.outageSeconds)
      problems.push(
        `requests failed until ${seconds.toFixed(1)} s after the strike, at most ${String(cell.outageSeconds)} s are allowed: ${causes}`,
      );
  }
  if (answering === null)
    problems.push('the public path did not answer before the next run: the outage did not end by itself');
  return problems;
}

function converged(cell: Cell, { outcome, next, wanted, served }: Evidence): string[] {
  const problems: string[] = [];
  if (cell.ends === 'done' && !(outcome !== null && PURPOSE.has(outcome)))
    problems.push(`the operation itself ended as ${outcome ?? 'nothing'}; it should have gone on to its end`);
  if (next.code !== 0 || !(next.outcome === 'deployed' || next.outcome === 'unchanged'))
    problems.push(
      `the next run ended with code ${String(next.code)} and outcome ${next.outcome || 'none'}: ${lastLines(next.log)}`,
    );
  if (next.running !== wanted) problems.push(`status says ${next.running ?? 'nothing'} runs, wanted was ${wanted}`);
  if (served !== wanted) problems.push(`the public path answers as ${served ?? 'nothing'}, wanted was ${wanted}`);
  return problems;
}

function lastLines(log: string): string {
  const lines = log.trim().split('\n');
  return (lines.findLast((line) => line.startsWith('::error')) ?? lines.slice(-2).join(' | ')).slice(0, 500);
}

function kept({ before, after, secrets }: Evidence): string[] {
  return [
    ...ledgerTrouble(before.ledger, after.ledger),
    ...envTrouble(after.env, secrets),
    ...after.containers
      .filter((container) => !hasReason(container))
      .map(({ name, state }) => `container ${name} (${state}) is left over`),
    ...after.volumes.filter((name) => !before.volumes.includes(name)).map((name) => `volume ${name} is left over`),
    ...before.volumes.filter((name) => !after.volumes.includes(name)).map((name) => `volume ${name} is gone`),
    ...after.traces.map((path) => `${path} is left over`),
    ...(after.rows.slice(0, before.rows.length).join() === before.rows.join()
      ? []
      : [
          `the backing service had ${String(before.rows.length)} rows and has other ones now (${String(after.rows.length)})`,
        ]),
    ...(after.store === before.store && after.store !== '' ? [] : ['the backing service is another container now']),
  ];
}

function ledgerTrouble(before: string, after: string): string[] {
  if (!after.startsWith(before)) return ['an earlier entry of the ledger was changed'];
  try {
    parseLedger(after);
    return after.endsWith('\n') ? [] : ['the ledger ends in a torn line'];
  } catch (error) {
    return [(error as Error).message];
  }
}

function envTrouble(env: HostState['env'], secrets: Evidence['secrets']): string[] {
  if (env === null) return ['.env is gone'];
  const problems = env.mode === '600' ? [] : [`.env has mode ${env.mode}`];
  const values = parseEnvFile(env.text);
  for (const [name, value] of Object.entries(secrets)) {
    if (values[name] !== value) problems.push(`.env: ${name} is not what the deploy sent`);
  }
  return problems;
}

/** What may be on a host between operations: the edge, both colours, backing services, and pins of images, never started. */
function hasReason({ name, state, labels }: SeenContainer): boolean {
  if (name === 'edge') return true;
  if (Object.keys(labels).some((label) => label.startsWith('delivery.pin'))) return state === 'created';
  const project = labels['com.docker.compose.project'];
  const oneOff = labels['com.docker.compose.oneoff'] === 'True';
  return !oneOff && ['fixture-blue', 'fixture-green', 'fixture-backing', 'edge'].includes(project ?? '');
}
