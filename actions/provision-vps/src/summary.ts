import { details, duration, escapeMarkdown, preformatted, table } from '@delivery/runner';
import { inWords } from '../../../host/provision/finding.ts';
import type { HostReport } from './document.ts';

/** More of them in one line helps nobody; the report has all. */
const NAMED = 5;

/** The job summary, as parts of Markdown: short where nothing is wrong. */
export function summaryParts(report: HostReport): string[] {
  const { host, tasks, findings, readings, failure } = report;
  const news = tasks.filter(({ status }) => status === 'changed' || status === 'drift' || status === 'failed');
  const parts = [
    `## ${escapeMarkdown(headline(report))}`,
    table(
      ['', ''],
      [
        ['Host', host.name],
        ['App', host.app],
        ['System', `${host.system}, ${host.machine}, ${host.virtualization}`],
        ...(host.provider === '' ? [] : [['Provider', host.provider]]),
        ['Size', `${host.cpus} CPU, ${host.memoryMiB} MiB, ${host.diskGiB} GiB`],
        ['Profile and mode', `${report.profile}, ${report.mode}`],
      ],
    ),
  ];
  // The findings say the same, each with what is allowed.
  if (failure !== null && !refused(report)) parts.push(`**${escapeMarkdown(failure)}**`);
  if (findings.length > 0)
    parts.push(
      '### Findings',
      table(
        ['What', 'Found', 'Allowed'],
        findings.map(({ what, found, allowed }) => [what, found, allowed]),
      ),
    );
  if (news.length > 0)
    parts.push(
      `### ${{ plan: 'What would change', apply: 'What was changed', verify: 'What has drifted' }[report.mode]}`,
      table(
        ['Task', 'Status', 'Why it is set', 'As found'],
        news.map(({ id, status, reason, message }) => [id, status, reason, message]),
      ),
    );
  const next = whatNext(report);
  if (next !== '') parts.push(escapeMarkdown(next));
  if (tasks.length > 0)
    parts.push(
      details(
        `All ${tasks.length} tasks`,
        table(
          ['Task', 'Status', 'Time', 'Why it is set', 'Source', 'Message'],
          tasks.map(({ id, status, ms, reason, source, message }) => [
            ...[id, status, duration(ms), reason, source, message],
          ]),
        ),
      ),
    );
  if (readings.length > 0)
    parts.push(
      details(
        'What the host says about itself',
        readings.map(({ what, value }) => `${escapeMarkdown(what)}\n\n${preformatted(value)}`).join('\n\n'),
      ),
    );
  return parts;
}

/** The preflight has ended the run: no other run that is to change something, or to plan it, has findings without a task. */
function refused({ mode, tasks, findings, failure }: HostReport): boolean {
  return failure !== null && mode !== 'verify' && tasks.length === 0 && findings.length > 0;
}

/** What came of the run, in one line. */
export function headline(report: HostReport): string {
  const { mode, host, changed, drift, findings, failure, sound, tasks } = report;
  const found = number(findings.length, 'finding');
  if (refused(report)) return `❌ ${host.name} cannot be prepared, and nothing was changed: ${found}`;
  if (failure !== null) return `❌ ${host.name}: failed after ${number(changed, 'change')}`;
  if (mode === 'plan')
    return drift === 0
      ? `✅ ${host.name}: nothing to change`
      : `📋 ${host.name}: ${drift} of ${number(tasks.length, 'task')} would change something`;
  if (mode === 'verify')
    return sound ? `✅ ${host.name} is as it should be` : `❌ ${host.name}: ${number(drift, 'drift')}, ${found}`;
  const done = changed === 0 ? 'nothing to change' : number(changed, 'change');
  return `${sound ? '✅' : '❌'} ${host.name}: ${done}${findings.length === 0 ? '' : `, ${found}`}`;
}

/** What the reader is to do now; '' where that is nothing. */
export function whatNext(report: HostReport): string {
  const { mode, drift, findings, failure } = report;
  if (refused(report))
    return 'Each finding says what is allowed: repair it on the server, or give the input that is named there, then run this again.';
  if (failure !== null) return 'Repair what is named above and run this again: it goes on from there.';
  if (mode === 'plan') return drift === 0 ? '' : 'Run this with mode: apply to make these changes.';
  const repairs = drift > 0 ? 'Run this with mode: apply, which repairs the drift. ' : '';
  return `${repairs}${findings.length > 0 ? 'Each finding says what is allowed: repair it on the server, then run mode: verify.' : ''}`.trim();
}

/** Why a run that did its work is a failed one all the same; null where it is not. */
export function complaint(report: HostReport): string | null {
  const { mode, host, tasks, findings, sound } = report;
  if (sound || mode === 'plan') return null;
  const drifted = tasks.filter(({ status }) => status === 'drift').map(({ id }) => id);
  const counts = [
    ...(drifted.length === 0 ? [] : [`${number(drifted.length, 'drift')} (${some(drifted, ', ')})`]),
    ...(findings.length === 0 ? [] : [`${number(findings.length, 'finding')} (${some(findings.map(inWords), ' | ')})`]),
  ];
  return `${host.name} is not as it should be: ${counts.join(' and ')}. ${whatNext(report)}`;
}

function some(texts: readonly string[], separator: string): string {
  const more = texts.length - NAMED;
  return `${texts.slice(0, NAMED).join(separator)}${more > 0 ? `${separator}${more} more` : ''}`;
}

function number(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
