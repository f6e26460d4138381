import * as core from '@actions/core';
import type { ResultEvent, Status } from '@delivery/release';
import type { TimedStep } from '../summary.ts';
import { lastLines, touchedVisitors } from './last-lines.ts';
import type { Host, OperationRequest } from './operation.ts';
import { releaseParts } from './releases.ts';
import { runningRelease } from './report.ts';

/** An operation that has ended, and whom to ask about it. */
export interface Ended {
  host: Pick<Host, 'history' | 'logs' | 'status'>;
  verb: OperationRequest['verb'];
  result: ResultEvent;
  steps: readonly TimedStep[];
  /** The host's status, where it was asked for: the answer may be under way. */
  status: Promise<Status | null> | null;
}

/**
 * What the summary says beyond the operation itself: after a rollback that did not work the releases of the host, after a deploy that
 * failed with visitors on it what the live release has said. An operation that went well asks nothing more of the host. Asked for when
 * the result is known; what cannot be had costs a warning and never the operation.
 */
export async function furtherParts(ended: Ended): Promise<string[]> {
  try {
    if (ended.result.error === null) return [];
    if (ended.verb === 'rollback') return await releases(ended);
    return touchedVisitors(ended.result, ended.steps) ? await linesOfLive(ended) : [];
  } catch (error) {
    const what = ended.verb === 'rollback' ? 'the releases of the host' : 'the last lines of what is live';
    core.warning(`The summary goes without ${what}: ${(error as Error).message}`);
    return [];
  }
}

async function releases({ host, result, status: asked }: Ended): Promise<string[]> {
  let reason: unknown;
  const history = await host.history().catch((error: unknown) => {
    reason = error;
    return null;
  });
  // The status has the last operations too, of a host whose whole history is too long to read or cannot be had.
  const status = await (history === null ? (asked ?? host.status()) : asked);
  const ledger = history ?? status?.ledger;
  if (ledger === undefined) throw reason;
  return releaseParts(ledger, runningRelease({ result, status }), status?.releases);
}

async function linesOfLive({ host, result, status }: Ended): Promise<string[]> {
  const [lines, now] = await Promise.all([host.logs(), status]);
  return lastLines(lines, runningRelease({ result, status: now }));
}
