import * as core from '@actions/core';
import type { ResultEvent } from '@delivery/release';
import type { TimedStep } from '../summary.ts';
import { lastLines, touchedVisitors } from './last-lines.ts';
import type { Host, OperationRequest } from './operation.ts';
import { releaseParts } from './releases.ts';
import { isGood } from './report.ts';

/** An operation that has ended, and whom to ask about it. */
export interface Ended {
  host: Pick<Host, 'history' | 'logs' | 'status'>;
  verb: OperationRequest['verb'];
  result: ResultEvent;
  steps: readonly TimedStep[];
}

/**
 * What the summary says beyond the operation itself: after a rollback that did not work the releases of the host, after a deploy that
 * failed with visitors on it what the live release has said. An operation that went well asks nothing more of the host. Asked for when
 * the result is known; what cannot be had costs a warning and never the operation.
 */
export async function furtherParts(ended: Ended): Promise<string[]> {
  try {
    if (isGood(ended.result)) return [];
    if (ended.verb === 'rollback') return await releases(ended);
    return touchedVisitors(ended.steps) ? await linesOfLive(ended) : [];
  } catch (error) {
    const what = ended.verb === 'rollback' ? 'the releases of the host' : 'the last lines of what is live';
    core.warning(`The summary goes without ${what}: ${(error as Error).message}`);
    return [];
  }
}

async function releases({ host, result }: Ended): Promise<string[]> {
  // The status knows which images are gone, and has the last operations of a host whose whole history cannot be had.
  const [history, status] = await Promise.all([
    host.history().catch((error: unknown) => error as Error),
    host.status(),
  ]);
  const ledger = history instanceof Error ? status?.ledger : history;
  if (ledger === undefined) throw history as Error;
  return releaseParts(ledger, result.running?.release ?? status?.running?.release ?? null, status?.releases);
}

async function linesOfLive({ host, result }: Ended): Promise<string[]> {
  return lastLines(await host.logs(), result.running?.release ?? null);
}
