import type { Colour } from '@delivery/release';
import type { Rendered, RenderedContainer } from '@delivery/stack';
import type { Container } from './container.ts';
import type { Docker } from './docker.ts';
import { expandAddress } from './sockets.ts';

const PROJECT = 'com.docker.compose.project';
const SERVICE = 'com.docker.compose.service';

/** A container of a colour together with its place in the rendered project. */
export interface Replica {
  spec: RenderedContainer;
  container: Container;
}

export function colourProject(app: string, colour: Colour): string {
  return `${app}-${colour}`;
}

/** Every container of a compose project, in any state. */
export function projectContainers(docker: Docker, project: string): Promise<Container[]> {
  return docker.containers([`${PROJECT}=${project}`]);
}

/** The project's expected containers that exist; one-off containers and leftovers of other services are not among them. */
export async function replicas(docker: Docker, project: Rendered): Promise<Replica[]> {
  const found = await projectContainers(docker, project.project);
  return project.containers.flatMap((spec) => {
    const container = found.find(
      ({ labels }) => labels[SERVICE] === spec.name && labels['com.docker.compose.oneoff'] !== 'True',
    );
    return container === undefined ? [] : [{ spec, container }];
  });
}

export function webReplicas(all: Replica[]): Replica[] {
  return all.filter(({ spec }) => spec.role === 'web');
}

/** Whether a container starts while the other colour is live; the others wait until that colour's have ended. */
export function startsBeside(spec: RenderedContainer): boolean {
  return spec.role === 'web' || spec.overlap === true;
}

/** Whether every expected web container is there and runs (a paused one does not). */
export function serving(project: Rendered, all: Replica[]): boolean {
  const web = webReplicas(all);
  const expected = project.containers.filter(({ role }) => role === 'web');
  return (
    web.length === expected.length &&
    web.every(({ container }) => container.running && !container.paused && !container.restarting)
  );
}

/** Whether web containers and workers are all there and run. */
export function complete(project: Rendered, all: Replica[]): boolean {
  return (
    all.length === project.containers.length && serving(project, all) && all.every(({ container }) => container.running)
  );
}

/** Name that compose gave the container: project-service-number. */
export function composeName(project: string, spec: RenderedContainer): string {
  return `${project}-${spec.name}-1`;
}

/** Name of a live container: the plain service name, further replicas numbered. */
export function plainName(spec: RenderedContainer): string {
  return spec.replica === 1 ? spec.service : `${spec.service}-${String(spec.replica)}`;
}

/** Addresses of containers, IPv6 ones written out as in the socket tables, for counting the edge's connections to them. */
export function addressesOf(containers: readonly Container[]): Set<string> {
  return new Set(
    containers.flatMap(({ addresses, addresses6 }) => [...Object.values(addresses), ...addresses6.map(expandAddress)]),
  );
}
