import * as core from '@actions/core';
import { openProbe, watch, type Check, type Sample, type Verdict } from '@delivery/health';
import { details, escapeMarkdown, foreignLines, setOutputs, table, writeSummary } from '@delivery/runner';
import { verifyInputs } from './inputs.ts';

/** Tries at the beginning and at the end that the summary lists; a long watch has thousands. */
const LISTED = 50;

interface Try {
  number: number;
  sample: Sample;
  check: Check;
}

/** Watches an address until it is healthy or the deadline has passed. @throws Error unless it is healthy */
export async function main(signal: AbortSignal): Promise<void> {
  const { url, contract, intervalMs, timeoutMs, deadlineMs, ca, address } = verifyInputs();
  core.info(`Watching ${url.href} for up to ${deadlineMs / 1000} s`);
  const probe = openProbe({ url, ca, address });
  const first: Try[] = [];
  const last: Try[] = [];
  let number = 0;
  let shown = '';
  try {
    const verdict = await watch({
      contract,
      intervalMs,
      timeoutMs,
      deadlineMs,
      signal,
      probe: (bound) => probe.once(bound, signal),
      onSample: (sample, check) => {
        const entry: Try = { number: ++number, sample, check };
        if (first.length < LISTED) first.push(entry);
        else if (last.push(entry) > LISTED) last.shift();
        // The same finding over and over says nothing new.
        const finding = check.ok ? 'ok' : check.reason;
        if (finding !== shown)
          for (const line of foreignLines(`try ${number}: ${finding} (${Math.round(sample.ms)} ms)`, ''))
            core.info(line);
        shown = finding;
      },
    });
    if (signal.aborted) throw new Error(`Cancelled after ${verdict.attempts} tries`);
    report(verdict);
    await writeSummary(summary(url, verdict, first, last));
    if (verdict.state !== 'healthy') throw new Error(failure(url, verdict, deadlineMs));
    core.info(`Healthy: ${verdict.streak} in a row after ${verdict.attempts} tries`);
  } finally {
    await probe.close();
  }
}

function report(verdict: Verdict): void {
  setOutputs({
    healthy: verdict.state === 'healthy',
    release: verdict.release,
    'p50-ms': verdict.p50Ms === null ? null : Math.round(verdict.p50Ms),
    'p95-ms': verdict.p95Ms === null ? null : Math.round(verdict.p95Ms),
    attempts: verdict.attempts,
    'first-failure': verdict.firstFailure,
  });
}

const STATES: Readonly<Record<Verdict['state'], string>> = {
  pending: 'Not healthy yet',
  healthy: 'Healthy',
  unhealthy: 'Not healthy: it answers, but not as expected',
  unreachable: 'Never answered',
  inconclusive: 'Inconclusive: too few answers for the latency bound',
};

function failure(url: URL, verdict: Verdict, deadlineMs: number): string {
  const { firstFailure, lastFailure } = verdict;
  const repeated = firstFailure === null || (lastFailure !== null && firstFailure.endsWith(lastFailure));
  const first = repeated ? '' : `. First failure: ${firstFailure}`;
  return `${url.href}: ${STATES[verdict.state]} within ${deadlineMs / 1000} s and ${verdict.attempts} tries (${verdict.reason})${first}`;
}

function summary(url: URL, verdict: Verdict, first: readonly Try[], last: readonly Try[]): string[] {
  const milliseconds = (value: number | null): string => (value === null ? '' : `${Math.round(value)} ms`);
  const rows = (tries: readonly Try[]): string[][] =>
    tries.map(({ number, sample, check }) => [
      String(number),
      milliseconds(sample.atMs),
      milliseconds(sample.ms),
      sample.answered ? String(sample.status) : 'none',
      check.ok ? 'ok' : check.reason,
    ]);
  const skipped = verdict.attempts - first.length - last.length;
  const gap = skipped > 0 ? [['…', '', '', '', `${skipped} more tries`]] : [];
  return [
    `## ${verdict.state === 'healthy' ? '✅' : '❌'} ${STATES[verdict.state]}: ${escapeMarkdown(url.href)}`,
    table(
      ['release', 'in a row', 'tries', 'p50', 'p95'],
      [
        [
          verdict.release ?? '',
          String(verdict.streak),
          String(verdict.attempts),
          milliseconds(verdict.p50Ms),
          milliseconds(verdict.p95Ms),
        ],
      ],
    ),
    ...(verdict.firstFailure === null ? [] : [`**First failure:** ${escapeMarkdown(verdict.firstFailure)}`]),
    details(
      `All tries`,
      table(['try', 'began at', 'took', 'status', 'finding'], [...rows(first), ...gap, ...rows(last)]),
    ),
  ];
}
