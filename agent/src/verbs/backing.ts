import { applyBacking } from '../backing/apply.ts';
import { backingDifferences } from '../backing/difference.ts';
import { Docker } from '../docker.ts';
import { backingRows } from '../human-plan.ts';
import { columns, plain } from '../human.ts';
import { liveRelease } from '../live.ts';
import { operate } from '../operation.ts';
import { atMost, badCall, sayJson, sayLines } from './call.ts';
import type { Call } from './call.ts';

/**
 * `backing plan|apply`: backing services are changed by no release. `plan` says how what runs differs from what the live release
 * describes; `apply` (envelope on standard input, none from a shell on the host) changes those that differ, as an operation.
 */
export async function backing(call: Call): Promise<number> {
  const { app, paths, args, envelope } = call;
  atMost(args, 1, 'backing');
  if (args[0] === 'plan') return planBacking(call);
  if (args[0] !== 'apply') throw badCall('backing: plan or apply is needed');
  return operate(app, 'backing', paths, envelope(), applyBacking);
}

async function planBacking({ app, paths, terminal }: Call): Promise<number> {
  const release = liveRelease(paths);
  if (release === null) throw badCall('backing: no release is live here, so nothing is described');
  const docker = new Docker();
  try {
    const differences = await backingDifferences(docker, paths, release);
    if (!terminal) return sayJson({ v: 1, app, release: release.manifest.release, backing: differences });
    return sayLines(columns(backingRows(differences).map((row) => row.map(plain))));
  } finally {
    await docker.close();
  }
}
