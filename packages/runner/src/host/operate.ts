import * as core from '@actions/core';
import type { HostState, ResultEvent } from '@delivery/release';
import type { SessionOptions } from '@delivery/ssh';
import { createEventLog } from '../events.ts';
import { setOutputs } from '../outputs.ts';
import { writeSummary } from '../summary.ts';
import { furtherParts } from './further.ts';
import { Host, type OperationRequest } from './operation.ts';
import { failureLine, isGood, previousRelease, runningRelease, summaryParts, type Report } from './report.ts';

export type OutputName = 'running-release' | 'previous-release' | 'outcome' | 'operation' | 'switched-ms' | 'receipt';

/**
 * Carries out one operation as an action does: asks the host, follows the log, sets those outputs that the action declares, writes the summary.
 * @throws Error with one clear line unless the host says that the purpose is reached
 */
export async function operate(
  connection: SessionOptions,
  request: OperationRequest,
  outputs: readonly OutputName[],
  signal: AbortSignal,
): Promise<Report> {
  const where = `${connection.host}:${connection.port}`;
  const log = createEventLog();
  const host = new Host(connection, { log, say: (message) => core.warning(message), signal });
  const publish = (values: Partial<Record<OutputName, string | number | object | null>>): void =>
    setOutputs(Object.fromEntries(outputs.map((name) => [name, values[name] ?? null])));
  try {
    const end = await host.perform(request);
    log.end();
    const further = furtherParts({ host, verb: request.verb, result: end.result, steps: log.steps });
    const report: Report = { ...end, host: where, state: await stateOf(end.result, host), steps: log.steps };
    publish({
      'running-release': runningRelease(report),
      'previous-release': previousRelease(report),
      outcome: end.result.outcome,
      operation: end.operation,
      'switched-ms': end.result.timings.switchedMs ?? null,
      receipt: end.result.receipt,
    });
    await writeSummary(summaryParts({ ...report, further: await further }));
    if (!isGood(end.result)) throw new OperationFailed(failureLine(report));
    core.info(`The host runs release ${runningRelease(report) ?? 'none'}`);
    return report;
  } catch (error) {
    if (signal.aborted) {
      throw new Error(
        `Cancelled. The host finishes or reverts operation ${request.envelope.operation} by itself; run this job again to follow it or to see what the host runs`,
        { cause: error },
      );
    }
    // Without a result the host's own word is the only truth about what it runs.
    if (!(error instanceof OperationFailed)) {
      const status = host.connected ? await host.status() : null;
      publish({
        'running-release': status?.running?.release ?? null,
        'previous-release': status?.previous?.release ?? null,
        outcome: 'failed',
        operation: request.envelope.operation,
      });
    }
    throw error;
  } finally {
    log.end();
    host.close();
  }
}

/** A person who reads that a deploy failed wants to know next what runs. The result says it, unless an older agent wrote it. */
async function stateOf(result: ResultEvent, host: Pick<Host, 'status'>): Promise<HostState | null> {
  if (result.host !== undefined) return result.host;
  return result.running === null || !isGood(result) ? host.status() : null;
}

class OperationFailed extends Error {}
