import { duration, setOutputs, table, writeSummary } from '@delivery/runner';
import * as core from '@actions/core';
import type { Facts } from '../../../host/provision/facts.ts';
import type { Outcome } from './tasks.ts';
import type { Inputs } from './inputs.ts';

/** Outputs and summary, also of a run that failed in between. @throws Error with the reason of the failure */
export async function report(inputs: Inputs, facts: Facts, outcome: Outcome): Promise<void> {
  const changed = outcome.tasks.filter(({ status }) => status === 'changed').length;
  const reading = (wanted: string): string => outcome.readings.find(({ id }) => id === wanted)?.value ?? '';
  setOutputs({
    changed,
    'deploy-user': inputs.deployUser,
    edge: reading('containers').split('\n')[0] ?? '',
    agent: reading('agent'),
  });
  await writeSummary([
    `## ${inputs.app} on ${facts.os.name}: ${outcome.failure === null ? (changed === 0 ? 'nothing to change' : `${changed} changes`) : 'failed'}`,
    table(
      ['Task', 'Status', 'Time', 'Why', 'Message'],
      outcome.tasks.map(({ id, status, ms, reason, message }) => [id, status, duration(ms), reason, message]),
    ),
    ...(outcome.readings.length > 0
      ? [
          'What the host says about itself afterwards:',
          table(
            ['What', 'As read back'],
            outcome.readings.map(({ what, value }) => [what, value]),
          ),
        ]
      : []),
  ]);
  if (outcome.failure !== null) throw new Error(outcome.failure);
  for (const { what, found, allowed } of outcome.findings) core.warning(`${what}: found ${found}; allowed: ${allowed}`);
  if (outcome.findings.length > 0) throw new Error(`${outcome.findings.length} findings`);
  core.info(changed === 0 ? 'Nothing to change.' : `${changed} changes.`);
}
