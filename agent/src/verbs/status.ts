import { Docker } from '../docker.ts';
import { plain, statusLines } from '../human.ts';
import { liveContainers, liveRelease } from '../live.ts';
import { status as readStatus } from '../status.ts';
import { sayJson, sayLines } from './call.ts';
import type { Call } from './call.ts';

/** What runs, what ran before it, what is under way: one JSON document, or lines for a person. */
export async function status({ app, paths, terminal }: Call): Promise<number> {
  const found = await readStatus(app, paths);
  if (!terminal) return sayJson(found);
  const docker = new Docker();
  try {
    const release = liveRelease(paths);
    const replicas = release === null ? [] : await liveContainers(docker, release);
    return sayLines(
      statusLines(
        found,
        replicas.map(({ container }) => container),
        new Date(),
      ),
    );
  } catch (error) {
    // A Docker that does not answer is what a person comes here to find out.
    return sayLines([...statusLines(found, [], new Date()), '', `Docker: ${plain((error as Error).message)}`]);
  } finally {
    await docker.close();
  }
}
