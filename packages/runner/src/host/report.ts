import type { HostState, ResultEvent } from '@delivery/release';
import { details, escapeMarkdown, preformatted, table, timeline, type TimedStep } from '../summary.ts';
import { duration } from '../text.ts';
import { receiptParts } from './receipt.ts';

const GOOD: ReadonlySet<string> = new Set(['deployed', 'unchanged', 'rolled_back']);

const TITLES: Readonly<Record<ResultEvent['outcome'], string>> = {
  deployed: 'Deployed',
  unchanged: 'Nothing to change',
  rolled_back: 'Rolled back',
  applied: 'Applied',
  refused: 'Refused',
  failed: 'Failed',
  busy: 'Busy: another operation holds the host',
};

export interface Report {
  /** Address of the host, for people. */
  host: string;
  operation: string;
  result: ResultEvent;
  /** What the host says it runs, where the operation did not reach its purpose or its result does not say. */
  state: HostState | null;
  steps: readonly TimedStep[];
  /** What the host says beyond the operation, as parts of Markdown for the summary. */
  further?: readonly string[];
}

export function isGood(result: ResultEvent): boolean {
  return GOOD.has(result.outcome);
}

/** What the host runs: from the result, which is read back on the host; from its own records where there is none. */
export function runningRelease({ result, state }: Pick<Report, 'result' | 'state'>): string | null {
  return result.running?.release ?? state?.running?.release ?? null;
}

export function previousRelease({ result, state }: Pick<Report, 'result' | 'state'>): string | null {
  return result.previous?.release ?? state?.previous?.release ?? null;
}

/** One line for the failed job: where it stopped, why, and what the host runs now. */
export function failureLine(report: Report): string {
  const { result } = report;
  const error = result.error;
  const why = error
    ? `${TITLES[result.outcome]} at step "${error.step}": ${error.message} [${error.code}]`
    : TITLES[result.outcome];
  const running = runningRelease(report);
  return `${why}. The host runs ${running === null ? 'no release' : `release ${running}`}`;
}

/** The job summary, as parts of Markdown. */
export function summaryParts(report: Report): string[] {
  const { result, steps } = report;
  const { timings, receipt, error } = result;
  const parts = [
    `## ${isGood(result) ? '✅' : '❌'} ${TITLES[result.outcome]}`,
    table(
      ['', ''],
      [
        ['Host', report.host],
        ['Running release', runningRelease(report) ?? 'none'],
        ['Previous release', previousRelease(report) ?? 'none'],
        ['Colour', result.running?.colour ?? 'none'],
        ['Operation', report.operation],
        ['Until switched', timings.switchedMs === undefined ? 'not switched' : duration(timings.switchedMs)],
        ['In all', duration(timings.totalMs)],
      ],
    ),
  ];
  if (error) {
    parts.push(
      `**Stopped at ${escapeMarkdown(error.step)}** (${escapeMarkdown(error.code)}): ${escapeMarkdown(error.message)}`,
    );
    if (error.logs && error.logs.length > 0)
      parts.push(details('Last lines of the container', preformatted(error.logs.slice(-200))));
  }
  if (!isGood(result) && report.state !== null) parts.push(...whatRuns(report.state, report.operation));
  parts.push(...(report.further ?? []));
  if (receipt) parts.push(...receiptParts(receipt));
  if (steps.length > 0) {
    parts.push(
      '### Steps',
      timeline(`Operation ${report.operation}`, steps),
      details(
        'As a table',
        table(
          ['step', 'status', 'took', ''],
          steps.map((step) => [step.name, step.status, duration(step.endMs - step.startMs), step.message ?? '']),
        ),
      ),
    );
  }
  return parts;
}

/**
 * The host's own word on what it runs, for a summary of what went wrong.
 * @param own the operation that the summary is of: that it still clears up after its result is no news
 */
function whatRuns({ running, previous, operation, ledger }: HostState, own: string): string[] {
  const row = (name: string, live: HostState['running']): string[] => [
    name,
    live?.release ?? 'none',
    live?.colour ?? '',
    live === null ? '' : `since ${live.since}`,
  ];
  return [
    '### What the host runs',
    table(['', 'release', 'colour', ''], [row('live', running), row('before it', previous)]),
    ...(operation === null || operation.id === own
      ? []
      : [`Under way: ${escapeMarkdown(`${operation.verb} ${operation.id}`)}`]),
    details(
      'Last operations',
      table(
        ['when', 'what', 'outcome', 'release'],
        ledger.slice(-5).map((entry) => [entry.t, entry.verb, entry.outcome, entry.release ?? '']),
      ),
    ),
  ];
}
