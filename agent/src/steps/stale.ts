import { liveHistory } from '@delivery/release';
import type { Manifest } from '@delivery/release';
import { StepError } from '../failure.ts';
import type { Paths } from '../paths.ts';
import { readRelease } from '../store.ts';
import { liveNow } from '../truth.ts';
import type { Truth } from '../truth.ts';

/**
 * A deploy that waited in a queue must not bring an older state of the app over a newer one that was faster. A release that was sealed
 * before the live one is refused, unless it was live here before: then somebody goes back to it. Throws StepError `stale_release`.
 */
export function refuseStale(
  paths: Paths,
  truth: Pick<Truth, 'ledger' | 'route' | 'running'>,
  manifest: Manifest,
): void {
  const live = liveNow(truth);
  const current = live === null ? null : (readRelease(paths, live.release)?.manifest ?? null);
  if (current === null || Date.parse(manifest.created) >= Date.parse(current.created)) return;
  if (liveHistory(truth.ledger).some(({ release }) => release === manifest.release)) return;
  throw new StepError(
    'stale_release',
    `release ${manifest.release} was sealed at ${manifest.created}, before the live ${current.release} (${current.created}), and was never live here; to deploy it all the same set allow-older`,
  );
}
