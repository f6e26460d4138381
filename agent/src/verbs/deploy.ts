import { DIGEST } from '@delivery/release';
import { deploy as bringLive } from '../deploy.ts';
import { refuseOlder } from '../successor.ts';
import { operate } from '../operation.ts';
import { atMost, badCall } from './call.ts';
import type { Call } from './call.ts';

/** `deploy sha256:<64 hex>`, envelope on standard input. */
export function deploy({ app, paths, args, envelope }: Call): Promise<number> {
  const [digest] = args;
  atMost(args, 1, 'deploy');
  if (digest === undefined || !DIGEST.test(digest)) throw badCall('deploy: sha256:<64 hex> is needed');
  refuseOlder(paths);
  return operate(app, 'deploy', paths, envelope(), (run, report) => bringLive(run, digest, report));
}
