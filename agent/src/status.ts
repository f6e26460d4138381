import { statSync } from 'node:fs';
import { previous } from '@delivery/release';
import type { HostState, ReleaseRef, Status } from '@delivery/release';
import { Docker } from './docker.ts';
import { holder } from './lock.ts';
import type { Owner } from './lock.ts';
import type { Paths } from './paths.ts';
import { readRelease } from './store.ts';
import { readTruth } from './truth.ts';
import type { Truth } from './truth.ts';
import { wayBack } from './way-back.ts';

const SHOWN = 20;
/** The same in a result. */
const SHOWN_IN_RESULT = 5;

/** What the host runs, read back from what it routes to; the ledger adds since when, and the last `shown` operations. */
function hostState(
  paths: Paths,
  truth: Pick<Truth, 'ledger' | 'route' | 'running'>,
  owner: Owner | null,
  shown: number,
): HostState {
  const running = live(paths, truth);
  const unrecorded = running !== null && running.release !== truth.running?.release;
  const before = unrecorded ? truth.running : previous(truth.ledger);
  return {
    running,
    previous:
      before === null
        ? null
        : { release: before.release, digest: before.digest, colour: before.colour, since: before.since },
    operation:
      owner === null ? null : { id: owner.operation, verb: owner.verb, actor: owner.actor, startedAt: owner.startedAt },
    ledger: truth.ledger.slice(-shown),
  };
}

/**
 * What the result of an operation that did not reach its purpose says of the host: whoever reads it need not start an agent to ask.
 * Nothing where the records cannot be read.
 * @param own who holds the lock, where that is known
 */
export async function stateForResult(paths: Paths, own?: Owner): Promise<{ host?: HostState }> {
  try {
    return { host: hostState(paths, readTruth(paths), own ?? (await holder(paths)), SHOWN_IN_RESULT) };
  } catch {
    return {};
  }
}

/** The same with the way back from it. */
export async function status(
  app: string,
  paths: Paths,
  docker: Pick<Docker, 'imageId'> = new Docker(),
): Promise<Status> {
  const truth = readTruth(paths);
  const state = hostState(paths, truth, await holder(paths), SHOWN);
  return {
    v: 1,
    app,
    ...state,
    receipt: truth.ledger.findLast(({ receipt }) => Boolean(receipt))?.receipt ?? null,
    ...(await wayBack(paths, docker, state.running)),
  };
}

/** The release that the edge routes to now, on record or not yet. */
export function live(paths: Paths, truth: Pick<Truth, 'route' | 'running'>): Status['running'] {
  const { running, route } = truth;
  if (running !== null && (route === null || route.release === running.release)) {
    return { release: running.release, digest: running.digest, colour: running.colour, since: running.since };
  }
  // Switched and not yet on record: an operation is draining, or died there.
  const stored = route === null ? null : readRelease(paths, route.release);
  if (route === null || stored === null) return null;
  return {
    release: route.release,
    digest: stored.digest,
    colour: route.colour,
    since: statSync(paths.route).mtime.toISOString(),
  };
}

/** As a result names a release: without since when. */
export function reference(found: ReleaseRef | null): ReleaseRef | null {
  return found === null ? null : { release: found.release, digest: found.digest, colour: found.colour };
}
