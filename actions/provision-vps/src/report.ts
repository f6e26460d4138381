import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as core from '@actions/core';
import { foreignLines, redact, setOutputs, writeSummary } from '@delivery/runner';
import type { Facts } from '../../../host/provision/facts.ts';
import { inWords, type Finding } from '../../../host/provision/finding.ts';
import { refusal } from '../../../host/provision/preflight.ts';
import { hostReport, type HostReport } from './document.ts';
import type { Inputs } from './inputs.ts';
import { complaint, headline, summaryParts, whatNext } from './summary.ts';
import type { Outcome } from './tasks.ts';

/**
 * Outputs, log, summary and the report's file, also of a run that failed in between.
 * @throws Error where the run failed, or the host is not as the mode wants it to be
 */
export async function report(inputs: Inputs, facts: Facts, outcome: Outcome): Promise<void> {
  const document = hostReport(inputs, facts, outcome);
  const reading = (wanted: string): string => document.readings.find(({ id }) => id === wanted)?.value[0] ?? '';
  setOutputs({
    changed: document.changed,
    drift: document.drift,
    findings: document.findings.length,
    report: await writeReport(document),
    provider: document.host.provider,
    'deploy-user': inputs.deployUser,
    edge: reading('containers').replace(/^edge /, ''),
    agent: reading('agent'),
  });
  for (const line of logLines(document)) core.info(foreignLines(line).join('\n'));
  await writeSummary(summaryParts(document));
  const wrong = document.failure ?? complaint(document);
  if (wrong !== null) throw new Error(wrong);
  core.info(`${headline(document)}. ${whatNext(document)}`.trim());
}

/**
 * The same of a host that was refused before anything was changed.
 * @throws Error with every reason, always
 */
export async function refuse(inputs: Inputs, facts: Facts, findings: Finding[]): Promise<never> {
  const failure = refusal(inputs.connection.host, findings);
  await report(inputs, facts, { tasks: [], readings: [], findings, failure });
  throw new Error(failure);
}

/** What is not as it should be, for the log; the tasks themselves are in it already. */
function logLines({ mode, tasks, findings }: HostReport): string[] {
  const planned = mode === 'plan' ? tasks.filter(({ status }) => status === 'drift') : [];
  return [
    ...planned.map(
      ({ id, reason, message }) => `would change ${id}: ${reason}${message === '' ? '' : ` (${message})`}`,
    ),
    ...findings.map((finding) => `finding: ${inWords(finding)}`),
  ];
}

/** In a directory of its own, for the job's user alone. Later steps of the job keep or compare it. @returns its path */
async function writeReport(document: HostReport): Promise<string> {
  const directory = await mkdtemp(join(process.env['RUNNER_TEMP'] || tmpdir(), 'provision-vps-'));
  const file = join(directory, 'report.json');
  await writeFile(file, `${redact(JSON.stringify(document, null, 2))}\n`, { mode: 0o600 });
  return file;
}
