import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectContainers } from './colour.ts';
import type { Container } from './container.ts';
import type { Docker } from './docker.ts';
import { readIfThere, syncDirectory } from './files.ts';
import { withHostLock } from './host-lock.ts';
import { imagesOf } from './images.ts';
import { keptFile, PIN, PINNED, removeUnneeded } from './kept.ts';
import type { Paths } from './paths.ts';
import { readRelease, storedReleases } from './store.ts';

/** From the route's end to the first SIGTERM, ms: the edge reads its files some tenths of a second later. */
const EDGE_MS = 1000;
const GRACE_SECONDS = 10;
/** Label of compose: the project. */
const PROJECT = 'com.docker.compose.project';
/** Where services keep what is theirs, below the app's directory. */
const DATA = 'data';

/** Everything of an app on this host, by name. */
export interface Inventory {
  releases: string[];
  containers: string[];
  networks: string[];
  /** Named volumes; they hold data. */
  volumes: string[];
  images: string[];
  /** Files and directories below /opt/edge. */
  edge: string[];
  /** Entries of the app's directory, its data excepted. */
  entries: string[];
  /** The directory of data that services wrote by path; null where there is none. */
  data: string | null;
}

export interface Removed {
  removed: Inventory;
  /** Data that stays, as the commands that remove it. */
  kept: string[];
  /** What could not be removed, one sentence each. */
  left: string[];
}

interface Scope {
  app: string;
  paths: Paths;
  docker: Docker;
}

export async function inventory({ app, paths, docker }: Scope): Promise<Inventory> {
  const projects = projectsOf(app);
  const ours = ({ labels }: { labels: Record<string, string> }): boolean =>
    labels['delivery.app'] === app || projects.includes(labels[PROJECT] ?? '');
  const [containers, networks, volumes] = await Promise.all([
    ownContainers(app, docker),
    docker.labelled('networks'),
    docker.labelled('volumes'),
  ]);
  const releases = storedReleases(paths);
  const entries = existsSync(paths.app) ? readdirSync(paths.app) : [];
  const images = [
    ...releases.flatMap((release) => imagesOf(readRelease(paths, release)?.manifest ?? { services: {} })),
    ...containers.flatMap(({ labels }) => labels[PINNED] ?? []),
  ];
  return {
    releases,
    containers: sortedNames(containers),
    networks: sortedNames(networks.filter(ours)),
    volumes: sortedNames(volumes.filter(ours)),
    images: [...new Set(images)].sort(),
    edge: edgeFiles(app, paths).filter((file) => existsSync(file)),
    entries: entries.filter((entry) => entry !== DATA).sort(),
    data: entries.includes(DATA) ? join(paths.app, DATA) : null,
  };
}

/**
 * Takes an app off this host: the route first, then what served it, then its records. The caller holds the app's lock. What cannot be
 * removed is said and does not stop the rest; done again, it goes on.
 * @param withData volumes and the directory of data too
 */
export async function remove(scope: Scope, found: Inventory, withData: boolean): Promise<Removed> {
  const { app, paths, docker } = scope;
  const left: string[] = [];
  const kept: string[] = [];
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      left.push(`${what}: ${(error as Error).message}`);
    }
  };

  const routed = existsSync(paths.route);
  await withHostLock(paths.edgeLock, 'the edge', () => {
    for (const file of edgeFiles(app, paths)) rmSync(file, { force: true });
    syncDirectory(paths.dynamic);
  });
  if (routed) await sleep(EDGE_MS);

  await Promise.all(
    (await ownContainers(app, docker)).map((container) =>
      attempt(`container ${container.name}`, async () => {
        if (container.running) await docker.stop(container, GRACE_SECONDS);
        await docker.remove(container.id);
      }),
    ),
  );
  for (const name of found.networks) await attempt(`network ${name}`, () => docker.removeNamed('networks', name));
  if (withData)
    for (const name of found.volumes) await attempt(`volume ${name}`, () => docker.removeNamed('volumes', name));
  else if (found.volumes.length > 0) kept.push(`docker volume rm ${found.volumes.join(' ')}`);

  await withHostLock(paths.keptLock, 'kept images', () => rmSync(keptFile(paths, app), { force: true }));
  await attempt('images', () => removeUnneeded(scope, found.images, (text) => left.push(text)));

  for (const entry of found.entries) rmSync(join(paths.app, entry), { recursive: true, force: true });
  if (found.data !== null && withData) rmSync(found.data, { recursive: true, force: true });
  if (found.data !== null && !withData) kept.push(`rm -r ${paths.app}`);
  else {
    const agent = readIfThere(join(paths.edge, 'agent'))?.trim() ?? '';
    await attempt(`the empty directory: rmdir ${paths.app}`, () => docker.removeDirectory(agent, paths.app));
  }
  return { removed: found, kept, left };
}

/** Containers of the app in any state, pins and one-off containers among them; the agent that runs this is none of them. */
async function ownContainers(app: string, docker: Docker): Promise<Container[]> {
  const lists = await Promise.all([
    docker.containers([`delivery.app=${app}`]),
    docker.containers([`${PIN}=${app}`]),
    ...projectsOf(app).map((project) => projectContainers(docker, project)),
  ]);
  return [...new Map(lists.flat().map((container) => [container.id, container])).values()];
}

function projectsOf(app: string): string[] {
  return ['blue', 'green', 'backing', 'jobs', 'run'].map((part) => `${app}-${part}`);
}

/** Docker lists what it has in no order of its own, and the second call has to see the list of the first. */
function sortedNames(items: readonly { name: string }[]): string[] {
  return items.map(({ name }) => name).sort();
}

function edgeFiles(app: string, paths: Paths): string[] {
  return [
    paths.route,
    paths.routeBefore,
    paths.tls,
    paths.certificate,
    paths.certificateKey,
    paths.socket,
    join(paths.kept, `${app}.json`),
  ];
}
