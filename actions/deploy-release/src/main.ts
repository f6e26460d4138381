import * as core from '@actions/core';
import { startDeployment } from '@delivery/runner/deployment';
import { identity, operate, runningRelease, showPlan } from '@delivery/runner/host';
import { deployInputs } from './inputs.ts';

/** Hands a release to the host's launcher, follows it to its end and reports what the host runs. @throws Error unless it is deployed */
export async function main(signal: AbortSignal): Promise<void> {
  const who = identity();
  const { connection, app, release, envelope, dryRun, token, environment, environmentUrl } = deployInputs(who);
  const what = app === null ? release.ref : `${app}: ${release.ref}`;
  if (dryRun) {
    core.info(`Planning ${what} on ${connection.host}:${connection.port}; nothing is changed`);
    const plan = await showPlan(connection, release.digest, envelope, signal);
    core.setOutput('outcome', 'planned');
    core.setOutput('running-release', plan.running ?? '');
    return;
  }
  core.info(`Deploying ${what} to ${connection.host}:${connection.port}, operation ${envelope.operation}`);
  core.setOutput('operation', envelope.operation);

  // GitHub and the host are asked at the same time: the site must not wait for a report about it.
  const deployment = startDeployment({ token, environment, environmentUrl, description: what });
  try {
    const report = await operate(
      connection,
      { verb: 'deploy', argument: release.digest, envelope, runId: who.runId },
      ['running-release', 'previous-release', 'outcome', 'operation', 'switched-ms', 'receipt'],
      signal,
    );
    await (await deployment).finish('success', `${report.result.outcome}: ${runningRelease(report) ?? 'none'}`);
  } catch (error) {
    await (
      await deployment
    ).finish(signal.aborted ? 'error' : 'failure', error instanceof Error ? error.message : 'failed');
    throw error;
  }
}
