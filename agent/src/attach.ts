import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatEvent, OPERATION_ID, parseEventLine, previous } from '@delivery/release';
import type { ResultEvent } from '@delivery/release';
import { readIfThere } from './files.ts';
import { isHeld } from './lock.ts';
import { EXIT } from './operation.ts';
import type { Paths } from './paths.ts';
import { live, reference } from './status.ts';
import { readTruth } from './truth.ts';

const POLL_MS = 100;

/**
 * Prints the events of an operation from its beginning up to its result line, following it while it runs. For an operation whose
 * agent died without a result, one is made from what the host runs.
 * @returns the exit code that the operation had or would have had; 64 for an unknown one
 */
export async function attach(paths: Paths, operation: string): Promise<number> {
  const file = join(paths.runs, `${operation}.jsonl`);
  if (!OPERATION_ID.test(operation) || readIfThere(file) === null) {
    process.stderr.write(
      `release: refused: operation ${JSON.stringify(operation.slice(0, 80))}: not known on this host\n`,
    );
    return 64;
  }
  let shown = 0;
  for (;;) {
    // Asked before reading: an operation that ends in between has written its result by the time that we read.
    const alive = await isHeld(file);
    const text = readIfThere(file) ?? '';
    const end = text.lastIndexOf('\n') + 1;
    for (const line of text.slice(shown, end).split('\n')) {
      const event = parseEventLine(line);
      if (event === null) continue;
      process.stdout.write(formatEvent(event));
      if (event.event === 'result') return EXIT[event.outcome];
    }
    shown = Math.max(shown, end);
    if (!alive) {
      const settled = readIfThere(file) ?? '';
      if (settled.lastIndexOf('\n') + 1 > shown) continue;
      const result = lost(paths, operation);
      process.stdout.write(formatEvent(result));
      return EXIT[result.outcome];
    }
    await sleep(POLL_MS);
  }
}

/** The result of an operation that never told one. */
function lost(paths: Paths, operation: string): ResultEvent {
  const truth = readTruth(paths);
  const { ledger, route } = truth;
  const entry = ledger.findLast((item) => item.operation === operation);
  const now = live(paths, truth);
  const on = route === null ? 'nothing' : `${route.release} (generation ${String(route.generation)})`;
  return {
    v: 1,
    t: new Date().toISOString(),
    op: operation,
    event: 'result',
    outcome: entry?.outcome ?? 'failed',
    running: reference(now),
    previous: reference(previous(ledger)),
    timings: { totalMs: entry?.durationMs ?? 0 },
    receipt: entry?.receipt ?? null,
    error:
      entry === undefined
        ? {
            step: 'record',
            code: 'agent_died',
            message: `the agent of this operation ended without a result; the edge routes to ${on}; the next deploy or rollback puts the records in order`,
          }
        : (entry.error ?? null),
  };
}
