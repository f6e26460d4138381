import { RELEASE_ID } from '@delivery/release';
import { operate } from '../operation.ts';
import { refuseOlder } from '../successor.ts';
import { rollback as goBack } from '../rollback.ts';
import { atMost, badCall } from './call.ts';
import type { Call } from './call.ts';

/** `rollback [<release>]`; from a shell on the host it needs no envelope. */
export function rollback({ app, paths, args, envelope }: Call): Promise<number> {
  const [release] = args;
  atMost(args, 1, 'rollback');
  if (release !== undefined && !RELEASE_ID.test(release)) throw badCall('rollback: the release id is malformed');
  refuseOlder(paths);
  return operate(app, 'rollback', paths, envelope(), (run, report) => goBack(run, release ?? null, report));
}
