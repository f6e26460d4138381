import { ContractError, type Colour } from '@delivery/release';
import { assetMounts } from './assets.ts';
import { parseCompose } from './compose.ts';
import { isObject, keyValues, section, writeYaml } from './document.ts';
import { escapeDollars, mapStrings } from './interpolate.ts';
import { inColour, runsTwice } from './overlap.ts';
import { hostPaths } from './paths.ts';
import type {
  ComposeObject,
  ReleaseAssets,
  Rendered,
  RenderedContainer,
  RenderedFile,
  RenderedJob,
  RenderedVolume,
  RenderInput,
  Stack,
  StackService,
} from './types.ts';

/** Network of the edge and every app's web services. */
const EDGE_NETWORK = 'edge';
const LOGGING = { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } };

/** Network alias by which the edge reaches one replica. */
export function replicaAlias(app: string, colour: Colour, service: string, replica: number): string {
  return `${app}-${colour}-${service}-${replica}`;
}

/**
 * The compose project of one colour: each web service as `<service>-<n>` per replica, the workers and the schedulers. Jobs are left out.
 * The external networks `edge` and `<app>` and the listed volumes must exist.
 *
 * The colour's own network has a name that sorts before all others: Docker answers a name from the networks of a container in that
 * order, and the live container of the other colour bears the plain name of its service on the shared ones. A colour must reach itself.
 */
export function renderColour({ sealed, manifest, colour }: RenderInput & { colour: Colour }): Rendered {
  const stack = openSealed({ sealed, manifest });
  const { app, release, version } = manifest;
  const members = Object.values(stack.services).filter(({ release }) => inColour(release));
  const instances = instanceNames(members);
  const containers: RenderedContainer[] = [];
  const services: ComposeObject = {};

  for (const service of members) {
    const { name, release: extension } = service;
    if (!inColour(extension)) continue;
    const web = extension.role === 'web' ? extension : null;
    for (const [index, instance] of (instances.get(name) ?? []).entries()) {
      const replica = index + 1;
      const alias = web === null ? null : replicaAlias(app, colour, name, replica);
      const grace = web === null ? 30 : Math.max(10, web.drainSeconds);
      const compose = base(service, instances, grace);
      compose['environment'] = {
        ...environment(compose['environment']),
        RELEASE_ID: escapeDollars(release),
        RELEASE_VERSION: escapeDollars(version),
      };
      const assets = assetMounts(app, service);
      if (assets.length > 0)
        compose['volumes'] = [
          ...(Array.isArray(compose['volumes']) ? (compose['volumes'] as unknown[]) : []),
          ...assets,
        ];
      compose['labels'] = labels(compose['labels'], { app, service: name, release, colour });
      compose['networks'] = {
        default: { aliases: [name] },
        ...(alias !== null && { [EDGE_NETWORK]: { aliases: [alias] } }),
        app: {},
      };
      services[instance] = compose;
      const image = String(compose['image']);
      containers.push({
        name: instance,
        service: name,
        role: extension.role,
        ...(web === null && runsTwice(extension) && { overlap: true }),
        replica,
        alias,
        port: web?.port ?? null,
        image,
      });
    }
  }

  const networks: ComposeObject = {
    default: { name: `0-${app}-${colour}` },
    [EDGE_NETWORK]: { external: true, name: EDGE_NETWORK },
    app: { external: true, name: app },
  };
  return finish(`${app}-${colour}`, stack, services, containers, networks, false);
}

/**
 * The compose project of the jobs (migrations), each to be run once with `docker compose run --rm`: on the network `<app>`, where the
 * backing services are, and never restarted.
 */
export function renderJobs({ sealed, manifest }: RenderInput): Rendered & { containers: RenderedJob[] } {
  const stack = openSealed({ sealed, manifest });
  const { app, release, version } = manifest;
  const members = Object.values(stack.services).filter(({ release: { role } }) => role === 'job');
  const instances = instanceNames(members);
  const containers: RenderedJob[] = [];
  const services: ComposeObject = {};
  for (const service of members) {
    const { name, release: extension } = service;
    if (extension.role !== 'job') continue;
    const compose = base(service, instances, 30);
    compose['restart'] = 'no';
    compose['environment'] = {
      ...environment(compose['environment']),
      RELEASE_ID: escapeDollars(release),
      RELEASE_VERSION: escapeDollars(version),
    };
    compose['labels'] = labels(compose['labels'], { app, service: name, release });
    compose['networks'] = { app: {} };
    services[name] = compose;
    const image = String(compose['image']);
    const { purpose, timeoutSeconds } = extension;
    containers.push({
      ...{ name, service: name, role: 'job', replica: 1, alias: null, port: null, image },
      ...{ purpose, timeoutSeconds },
    });
  }
  const networks = { app: { external: true, name: app } };
  const { project, text, volumes, files } = finish(`${app}-jobs`, stack, services, containers, networks, false);
  return { project, text, containers, volumes, files };
}

/**
 * The compose project of the backing services, on the network `<app>` under their service names. The text does not depend on the
 * release that it is rendered from (no release id, files in a place of their own), so that a release which does not change a backing
 * service gives the same text and nothing is recreated.
 */
export function renderBacking({ sealed, manifest }: RenderInput): Rendered {
  const stack = openSealed({ sealed, manifest });
  const { app, release } = manifest;
  const members = Object.values(stack.services).filter(({ release: { role } }) => role === 'backing');
  const instances = instanceNames(members);
  const containers: RenderedContainer[] = [];
  const services: ComposeObject = {};
  for (const service of members) {
    const { name } = service;
    const compose = base(service, instances, 30);
    if (compose['environment'] !== undefined) compose['environment'] = environment(compose['environment']);
    compose['labels'] = labels(compose['labels'], { app, service: name });
    compose['networks'] = { app: { aliases: [name] } };
    services[name] = compose;
    containers.push({
      name,
      service: name,
      role: 'backing',
      replica: 1,
      alias: null,
      port: null,
      image: String(compose['image']),
    });
  }
  const networks = { app: { external: true, name: app } };
  const rendered = finish(`${app}-backing`, stack, services, containers, networks, true);

  const from = `${hostPaths.releaseFiles(app, release)}/`;
  const to = `${hostPaths.backingFiles(app)}/`;
  const files = new Map<string, RenderedFile>();
  const moved = mapStrings(
    rendered.document,
    (text) => {
      if (!text.startsWith(from)) return text;
      const source = text.slice(from.length);
      const target = to + source;
      files.set(source, { source: `files/${source}`, target });
      return target;
    },
    '',
  ) as ComposeObject;
  const ordered = [...files.values()].sort((a, b) => (a.source < b.source ? -1 : 1));
  return { project: rendered.project, containers, volumes: rendered.volumes, text: writeYaml(moved), files: ordered };
}

/** The directories of hashed files that a release declares, each with the image that it is in. */
export function releaseAssets({ sealed, manifest }: RenderInput): ReleaseAssets[] {
  return Object.values(openSealed({ sealed, manifest }).services).flatMap(({ name, release, compose }) =>
    release.role !== 'web'
      ? []
      : (release.assets ?? []).map((path) => ({ service: name, image: String(compose['image']), path })),
  );
}

function openSealed({ sealed, manifest }: RenderInput): Stack {
  const stack = parseCompose(sealed, { sealed: true });
  if (stack.app !== manifest.app) {
    throw new ContractError('render', `sealed file: it is of app ${stack.app}, the manifest of app ${manifest.app}`);
  }
  for (const [name, { compose, release }] of Object.entries(stack.services)) {
    const entry = Object.hasOwn(manifest.services, name) ? manifest.services[name] : undefined;
    if (entry === undefined || entry.role !== release.role || entry.image !== compose['image']) {
      throw new ContractError(
        'render',
        `sealed file: service ${name} does not agree with the manifest (role or image)`,
      );
    }
  }
  return stack;
}

function instanceNames(services: readonly StackService[]): Map<string, string[]> {
  return new Map(
    services.map(({ name, release }) => {
      const count = release.role === 'web' ? release.replicas : 0;
      return [name, count === 0 ? [name] : Array.from({ length: count }, (_, index) => `${name}-${index + 1}`)];
    }),
  );
}

/** What every rendered service has in common; `grace` (seconds) where the file says nothing. */
function base(service: StackService, instances: ReadonlyMap<string, string[]>, grace: number): ComposeObject {
  const { 'x-release': _, deploy, depends_on: dependsOn, ...compose } = service.compose;
  const dependencies = localDependencies(dependsOn, instances);
  const resources =
    isObject(deploy) && isObject(deploy['resources']) ? { deploy: { resources: deploy['resources'] } } : {};
  return {
    ...structuredClone(compose),
    ...resources,
    ...(Object.keys(dependencies).length > 0 && { depends_on: dependencies }),
    restart: 'unless-stopped',
    stop_grace_period: compose['stop_grace_period'] ?? `${grace}s`,
    logging: compose['logging'] ?? structuredClone(LOGGING),
    // Images are there already, by digest; starting a container must not depend on a registry.
    pull_policy: 'never',
  };
}

/** Dependencies within the same project, one per replica; compose does not know the services of another project. */
function localDependencies(value: unknown, instances: ReadonlyMap<string, string[]>): ComposeObject {
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((name) => [String(name), { condition: 'service_started' }])
    : Object.entries(isObject(value) ? value : {});
  const result: ComposeObject = {};
  for (const [name, condition] of entries) {
    for (const instance of instances.get(name) ?? []) result[instance] = structuredClone(condition);
  }
  return result;
}

function environment(value: unknown): ComposeObject {
  return keyValues(value, 'sealed file: environment');
}

function labels(
  value: unknown,
  own: { app: string; service: string; release?: string; colour?: string },
): ComposeObject {
  const mine = Object.entries(own).map(([key, text]) => [`delivery.${key}`, escapeDollars(text)]);
  return { ...keyValues(value, 'sealed file: labels'), ...(Object.fromEntries(mine) as ComposeObject) };
}

/** Puts the document together with the volumes, configs and secrets that its services use. */
function finish(
  project: string,
  stack: Stack,
  services: ComposeObject,
  containers: RenderedContainer[],
  networks: ComposeObject,
  owner: boolean,
): Rendered & { document: ComposeObject } {
  const document: ComposeObject = { name: project, services, networks };
  const volumes: RenderedVolume[] = [];
  for (const key of ['volumes', 'configs', 'secrets']) {
    const used = new Set(Object.values(services).flatMap((service) => sources((service as ComposeObject)[key])));
    const kept: ComposeObject = {};
    for (const [name, entry] of Object.entries(section(stack.document, key))) {
      if (used.has(name)) kept[name] = key === 'volumes' ? stableVolume(stack.app, name, entry, volumes, owner) : entry;
    }
    if (Object.keys(kept).length > 0) document[key] = kept;
  }
  return { project, text: writeYaml(document), containers, volumes, files: [], document };
}

/**
 * A volume belongs to the app, not to a colour's project: it is named `<app>_<volume>` unless the file gives it a name or says that it
 * is external. The project of the backing services owns theirs; to a colour every volume is external, so that no colour can remove it.
 */
function stableVolume(
  app: string,
  key: string,
  entry: ComposeObject,
  volumes: RenderedVolume[],
  owner: boolean,
): ComposeObject {
  const external = entry['external'] === true;
  const name = typeof entry['name'] === 'string' ? entry['name'] : external ? key : `${app}_${key}`;
  if (external) return { external: true, name };
  const options = Object.entries(keyValues(entry['driver_opts'], `sealed file: volumes.${key}.driver_opts`));
  volumes.push({
    name,
    driver: typeof entry['driver'] === 'string' ? entry['driver'] : 'local',
    options: Object.fromEntries(options.map(([option, value]) => [option, String(value)])),
  });
  return owner ? { ...entry, name } : { external: true, name };
}

function sources(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    if (typeof entry === 'string') return [entry];
    return isObject(entry) && typeof entry['source'] === 'string' ? [entry['source']] : [];
  });
}
