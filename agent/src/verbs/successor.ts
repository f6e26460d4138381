import { Docker } from '../docker.ts';
import { successor as judge } from '../successor.ts';
import { atMost } from './call.ts';
import type { Call } from './call.ts';

/** `successor <image by digest>`: whether that agent may take this one's place on the host. */
export async function successor({ paths, args }: Call): Promise<number> {
  atMost(args, 1, 'successor');
  const docker = new Docker();
  try {
    const found = await judge(paths, args[0] ?? '', docker);
    process.stdout.write(`${JSON.stringify(found)}\n`);
    return 0;
  } finally {
    await docker.close();
  }
}
