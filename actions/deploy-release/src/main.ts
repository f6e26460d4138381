import * as core from '@actions/core';
import { createEventLog, setOutputs, writeSummary } from '@delivery/runner';
import { startDeployment } from '@delivery/runner/deployment';
import { failureLine, Host, identity, isGood, previousRelease, runningRelease, summaryParts, type Report } from '@delivery/runner/host';
import { deployInputs } from './inputs.ts';

/** Hands a release to the host's launcher, follows it to its end and reports what the host runs. @throws Error unless it is deployed */
export async function main(signal: AbortSignal): Promise<void> {
  const who = identity();
  const inputs = deployInputs(who);
  const { connection, release, envelope } = inputs;
  const where = `${connection.host}:${connection.port}`;
  const what = inputs.app === null ? release.ref : `${inputs.app}: ${release.ref}`;
  core.info(`Deploying ${what} to ${where}, operation ${envelope.operation}`);
  core.setOutput('operation', envelope.operation);

  // Both talk to somebody else, so neither waits for the other.
  const deployment = startDeployment({ token: inputs.token, environment: inputs.environment, environmentUrl: inputs.environmentUrl, description: what });
  const log = createEventLog();
  const host = new Host(connection, { log, say: (message) => core.warning(message), signal });
  try {
    const end = await host.perform({ verb: 'deploy', argument: release.digest, envelope, runId: who.runId });
    log.end();
    const status = end.result.running === null ? await host.status() : null;
    host.close();
    const report: Report = { ...end, host: where, status, steps: log.steps };
    setOutputs({
      'running-release': runningRelease(report),
      'previous-release': previousRelease(report),
      outcome: end.result.outcome,
      operation: end.operation,
      'switched-ms': end.result.timings.switchedMs ?? null,
      receipt: end.result.receipt,
    });
    await writeSummary(summaryParts(report));
    if (!isGood(end.result)) throw new Error(failureLine(report));
    core.info(`The host runs release ${runningRelease(report) ?? 'none'}`);
    await (await deployment).finish('success', `${end.result.outcome}: ${runningRelease(report) ?? ''}`);
  } catch (error) {
    log.end();
    host.close();
    const cause = signal.aborted
      ? new Error(`Cancelled. The host finishes or reverts operation ${envelope.operation} by itself; the next deploy to it finds out. The log is kept there`)
      : error;
    await (await deployment).finish(signal.aborted ? 'error' : 'failure', cause instanceof Error ? cause.message : 'failed');
    throw cause;
  }
}
