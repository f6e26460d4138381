import * as core from '@actions/core';
import { identity, operate } from '@delivery/runner/host';
import { rollbackInputs } from './inputs.ts';

/** Asks the host's launcher for the previous or a named release and reports what the host runs. @throws Error unless it is in service */
export async function main(signal: AbortSignal): Promise<void> {
  const who = identity();
  const { connection, release, envelope } = rollbackInputs(who);
  core.info(
    `Rolling ${connection.host}:${connection.port} back to ${release ?? 'the previous release'}, operation ${envelope.operation}`,
  );
  await operate(
    connection,
    { verb: 'rollback', argument: release, envelope, runId: who.runId },
    ['running-release', 'previous-release', 'outcome', 'switched-ms'],
    signal,
  );
}
