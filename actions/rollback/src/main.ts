import * as core from '@actions/core';
import { createEventLog, setOutputs, writeSummary } from '@delivery/runner';
import { failureLine, Host, identity, isGood, previousRelease, runningRelease, summaryParts, type Report } from '@delivery/runner/host';
import { rollbackInputs } from './inputs.ts';

/** Asks the host's launcher for the previous or a named release and reports what the host runs. @throws Error unless it is in service */
export async function main(signal: AbortSignal): Promise<void> {
  const who = identity();
  const { connection, release, envelope } = rollbackInputs(who);
  const where = `${connection.host}:${connection.port}`;
  core.info(`Rolling ${where} back to ${release ?? 'the previous release'}, operation ${envelope.operation}`);

  const log = createEventLog();
  const host = new Host(connection, { log, say: (message) => core.warning(message), signal });
  try {
    const end = await host.perform({ verb: 'rollback', argument: release, envelope, runId: who.runId });
    log.end();
    const status = end.result.running === null ? await host.status() : null;
    const report: Report = { ...end, host: where, status, steps: log.steps };
    setOutputs({
      'running-release': runningRelease(report),
      'previous-release': previousRelease(report),
      outcome: end.result.outcome,
      'switched-ms': end.result.timings.switchedMs ?? null,
    });
    await writeSummary(summaryParts(report));
    if (!isGood(end.result)) throw new Error(failureLine(report));
    core.info(`The host runs release ${runningRelease(report) ?? 'none'}`);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Error(`Cancelled. The host finishes or reverts operation ${envelope.operation} by itself; run rollback again to see what it runs`);
  } finally {
    log.end();
    host.close();
  }
}
