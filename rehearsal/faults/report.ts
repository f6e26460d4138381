import type { CellResult } from './cell.ts';
import { isGreen } from './judge.ts';
import { isCell, nameOf, NUMBERED, VERBS, VICTIM_SAYS, VICTIMS } from './table.ts';
import type { Entry, Strike } from './table.ts';

export interface Circumstances {
  commit: string;
  /** Files that differ from that commit; a report of a changed checkout says so. */
  changed: boolean;
  date: string;
  seed: number | null;
  machine: string[];
}

/** Whether a result is what a cell has to be. A step that the agent leaves out for a reason is neither. */
export function passed(result: CellResult): boolean | null {
  if (result.kind === 'skipped') return null;
  return result.kind === 'judged' && isGreen(result.verdict);
}

/** What is wrong with a result, one line each. */
export function troubles(result: CellResult): string[] {
  if (result.kind === 'broken') return [`could not be run: ${result.reason}`];
  if (result.kind === 'skipped') return [];
  const { serving, converged, kept } = result.verdict;
  return [
    ...serving.map((text) => `serving: ${text}`),
    ...converged.map((text) => `converged: ${text}`),
    ...kept.map((text) => `kept: ${text}`),
  ];
}

/** One line for the terminal. */
export function line(result: CellResult): string {
  const verdict = { true: 'ok  ', false: 'RED ', null: 'n/a ' }[String(passed(result)) as 'true' | 'false' | 'null'];
  const name = nameOf(result.cell).padEnd(30);
  if (result.kind === 'skipped') return `${verdict} ${name} ${result.reason}`;
  if (result.kind === 'broken') return `${verdict} ${name} ${result.seconds.toFixed(1)} s`;
  const { visits, outcome, late, seconds } = result;
  const failed =
    visits.failures === 0 ? '0 failed' : `${String(visits.failures)} failed, outage ${tenths(result.outageMs)} s`;
  const when = late ? ', struck after the end of the step' : '';
  return `${verdict} ${name} ${String(visits.requests)} requests, ${failed}; operation: ${outcome ?? 'died'}${when}; ${seconds.toFixed(1)} s`;
}

function tenths(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function mark(result: CellResult): string {
  if (result.kind === 'skipped') return 'left out';
  if (result.kind === 'broken') return '**not run**';
  const outage = result.visits.failures === 0 ? '0' : `${tenths(result.outageMs)} s`;
  const text = `${outage}${result.late ? ' †' : ''}`;
  return isGreen(result.verdict) ? text : `**${text}**`;
}

function same(a: Strike, b: Strike): boolean {
  return a.verb === b.verb && a.step === b.step && a.victim === b.victim;
}

/** The committed report: every entry of the table, what was measured, what is not applicable and why. */
export function markdown(entries: readonly Entry[], results: readonly CellResult[], about: Circumstances): string {
  const judged = results.filter((result) => result.kind === 'judged');
  const green = results.filter((result) => passed(result) === true).length;
  const red = results.filter((result) => passed(result) === false);
  const requests = judged.reduce((sum, result) => sum + result.visits.requests, 0);
  const out = [
    '# Faults: step × victim',
    '',
    'Made by `npm run test:full`; do not edit. Each cell runs an operation under an open-loop load on the public path, stops its agent where',
    'the step begins, strikes, lets it go on, and asks three things: were visitors served, does the next run converge, is anything lost.',
    '',
    '| | |',
    '| --- | --- |',
    `| commit | \`${about.commit}\`${about.changed ? ' with changes' : ''} |`,
    `| date | ${about.date} |`,
    `| cells | ${about.seed === null ? 'all' : `sample of seed ${String(about.seed)}`} |`,
    ...about.machine.map((fact) => `| machine | ${fact} |`),
    `| result | ${String(green)} as they have to be, ${String(red.length)} not; ${String(requests)} requests |`,
    '',
    'A number is the outage: seconds from the strike to the last failed request, `0` where none failed. **Bold** is not as it has to be, `–` is',
    'not applicable (reasons below), `·` was not part of this run, † struck after the end of a step that takes a millisecond.',
  ];
  for (const verb of VERBS) {
    out.push('', `## ${verb}`, '', `| step | ${VICTIMS.join(' | ')} |`, `| --- |${' --- |'.repeat(VICTIMS.length)}`);
    for (const step of NUMBERED) {
      const cells = VICTIMS.map((victim) => {
        const strike = { verb, step, victim };
        const entry = entries.find((item) => same(item, strike));
        if (entry === undefined || !isCell(entry)) return '–';
        const result = results.find((item) => same(item.cell, strike));
        return result === undefined ? '·' : mark(result);
      });
      out.push(`| ${step} | ${cells.join(' | ')} |`);
    }
  }
  out.push('', '## The victims', '', '| victim | |', '| --- | --- |');
  for (const victim of VICTIMS) out.push(`| ${victim} | ${VICTIM_SAYS[victim]} |`);
  out.push('', '## Not applicable', '', '| cells | reason |', '| --- | --- |');
  for (const [reason, names] of reasons(entries, results)) out.push(`| ${names.join('; ')} | ${reason} |`);
  if (red.length > 0) {
    out.push('', '## Not as they have to be', '');
    for (const result of red) {
      out.push(`- **${nameOf(result.cell)}**`);
      for (const text of troubles(result))
        out.push(`  - ${text.replaceAll('\n', ' ').replaceAll('|', '\\|').slice(0, 400)}`);
    }
  }
  return `${out.join('\n')}\n`;
}

/** Cells that were left out, by their reason; a whole row of victims is one name. */
function reasons(entries: readonly Entry[], results: readonly CellResult[]): Map<string, string[]> {
  const byReason = new Map<string, string[]>();
  const add = (reason: string, strike: Strike): void => {
    const row = `${strike.verb} ${strike.step}`;
    const names = byReason.get(reason) ?? [];
    byReason.set(reason, names);
    const last = names.findIndex((name) => name.startsWith(`${row} × `));
    if (last < 0) names.push(`${row} × ${strike.victim}`);
    else names[last] = `${names[last] ?? ''}, ${strike.victim}`;
  };
  for (const entry of entries) if (!isCell(entry)) add(entry.reason, entry);
  for (const result of results)
    if (result.kind === 'skipped') add(`the agent left the step out: ${result.reason}`, result.cell);
  return byReason;
}
