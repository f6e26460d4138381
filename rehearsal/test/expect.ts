import { expect } from '@jest/globals';
import type { Report } from '../load/report.ts';
import type { ActionRun } from './action.ts';

/** A failed expectation about a run shows its log. */
export function expectCode(ran: ActionRun, code: number): void {
  if (ran.code !== code) throw new Error(`exit code ${String(code)} expected, found ${String(ran.code)}\n${ran.log}`);
}

/** The one error line of a run that failed. */
export function errorLine(ran: ActionRun): string {
  const lines = ran.log.split('\n').filter((line) => line.startsWith('::error'));
  if (lines.length !== 1) throw new Error(`one error line expected, found ${String(lines.length)}\n${ran.log}`);
  return lines[0] ?? '';
}

/** Nothing of the load was dropped, every POST was executed once, and the generator itself kept its rate. */
export function expectNoDrop(report: Report): void {
  expect({ failures: report.failures, causes: report.byCause, first: report.firstFailures }).toEqual({
    failures: 0,
    causes: {},
    first: [],
  });
  expect(report.posts.countedTwice).toBe(0);
  expect(report.sentRate).toBeGreaterThan(report.rate * 0.95);
  expect(report.requests).toBeGreaterThan(100);
}

/** Traffic went from the old release to the new one at one moment: nothing sent later than that was answered by the old one. */
export function expectOneSwitch(report: Report, from: string, to: string): void {
  expect(report.switches.map((seen) => seen.release)).toEqual([from, to]);
  const [old, next] = report.switches;
  expect((old?.lastSentAt ?? 0) - (next?.firstAnswerAt ?? 0)).toBeLessThan(300);
}
