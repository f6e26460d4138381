import * as core from '@actions/core';
import { redact } from './mask.ts';

/** Sockets that linger must not keep the job waiting once the work is done. */
const LINGER_MS = 1000;

/**
 * Runs an action: every failure becomes one clear line and exit code 1. The signal fires when the job is cancelled (SIGINT, and SIGTERM 7.5 s later;
 * the runner kills 2.5 s after that), so `main` has time to say what goes on without it.
 */
export async function run(
  main: (signal: AbortSignal) => Promise<void>,
  exit: () => void = () => process.exit(),
): Promise<void> {
  const cancel = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => cancel.abort(new Error(`Cancelled by ${name}`));
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    await main(cancel.signal);
  } catch (error) {
    fail(error);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    setTimeout(exit, LINGER_MS).unref();
  }
}

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  core.setFailed(redact(message.replace(/\s*\n\s*/g, ' ')) || 'Failed without a message');
  if (error instanceof Error && error.stack) core.debug(redact(error.stack));
}
