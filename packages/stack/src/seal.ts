import { createHash } from 'node:crypto';
import {
  ContractError,
  HOST_NAME,
  IMAGE_BY_DIGEST,
  ManifestSchema,
  RELEASE_ID,
  checkDocument,
  URL_PATH,
  type Manifest,
} from '@delivery/release';
import { checkRoutes, parseCompose, webServices } from './compose.ts';
import { isObject, section, writeYaml } from './document.ts';
import { interpolate, mapStrings, requiredNames } from './interpolate.ts';
import { parseMount } from './mounts.ts';
import { hostPaths, isSecretsFile, packedPath } from './paths.ts';
import type { ServiceExtension } from './extension.ts';
import type { ComposeObject, ManifestInput, Sealed, SealInput, Stack, StackService, Variables } from './types.ts';

/** Keys that mean something where an image is built or developed, and nothing on the host. */
const NOT_SEALED = ['build', 'develop', 'profiles', 'pull_policy', 'scale', 'container_name', 'networks'];

/**
 * The compose file as it travels in the release: images by digest, no `build`, no edge services, routes filled in, every path absolute
 * on the host. All other `${...}` stays for the host, where compose reads /opt/<app>/.env. The same input gives the same bytes, and
 * sealing a sealed text again changes nothing. Throws ContractError.
 */
export function seal({ composeText, variables, images, release }: SealInput): Sealed {
  if (!RELEASE_ID.test(release))
    throw new ContractError('release', `release: ${JSON.stringify(release)} must match ${RELEASE_ID.source}`);
  const stack = parseCompose(composeText);
  const packer = new Packer(stack.app, release);

  const sealed: Record<string, StackService> = {};
  for (const service of Object.values(stack.services)) {
    if (service.release.role !== 'edge') sealed[service.name] = sealService(service, variables, images, packer);
  }
  if (Object.keys(sealed).length === 0)
    throw new ContractError('compose', 'compose file: nothing to release: every service has the role edge');
  checkRoutes(sealed);

  const document: ComposeObject = {
    'x-release': { app: stack.app, ...(stack.schema && { schema: stack.schema }) },
  };
  document['services'] = Object.fromEntries(
    Object.values(sealed).map(({ name, release: extension, compose }) => [
      name,
      { 'x-release': extension, ...compose },
    ]),
  );
  Object.assign(document, sealSections(stack, sealed, packer));
  return { text: writeYaml(document), files: packer.files(), secrets: secretNames(document) };
}

function sealService(
  service: StackService,
  variables: Variables,
  images: Readonly<Record<string, string>>,
  packer: Packer,
): StackService {
  const { name } = service;
  const at = `compose file: service ${name}`;
  const image = Object.hasOwn(images, name) ? images[name] : undefined;
  if (image === undefined) throw new ContractError('image', `${at}: no image was given for it`);
  if (!IMAGE_BY_DIGEST.test(image))
    throw new ContractError('image', `${at}: image ${JSON.stringify(image)} is not <repository>@sha256:<64 hex>`);

  const compose: ComposeObject = { image };
  for (const [key, value] of Object.entries(service.compose)) {
    if (key === 'image' || key.startsWith('x-') || (NOT_SEALED.includes(key) && !keptForBacking(key, service)))
      continue;
    if (key === 'env_file') compose[key] = sealEnvFiles(value, packer, `${at}.env_file`);
    else if (key === 'volumes') compose[key] = sealMounts(value, packer, at);
    else compose[key] = value;
  }
  return { name, compose, release: sealExtension(service.release, variables, at) };
}

/** A backing service has one container for good, so it may have a name of its own. */
function keptForBacking(key: string, service: StackService): boolean {
  return key === 'container_name' && service.release.role === 'backing';
}

function sealExtension(extension: ServiceExtension, variables: Variables, at: string): ServiceExtension {
  if (extension.role !== 'web') return extension;
  const routes = extension.routes.map((route, index) => {
    const where = `${at}: routes[${index}]`;
    const host = interpolate(route.host, variables, `${where}.host`);
    const path = interpolate(route.path, variables, `${where}.path`);
    if (!HOST_NAME.test(host))
      throw new ContractError('route', `${where}.host: ${JSON.stringify(host)} is no lower-case host name`);
    if (!URL_PATH.test(path))
      throw new ContractError(
        'route',
        `${where}.path: ${JSON.stringify(path)} must start with / and hold no query, space or brace`,
      );
    return { ...route, host, path };
  });
  return { ...extension, routes };
}

function sealEnvFiles(value: unknown, packer: Packer, at: string): ComposeObject[] {
  const entries: unknown[] = Array.isArray(value) ? value : [value];
  const sealed = entries.map((entry) => {
    const path = isObject(entry) ? entry['path'] : entry;
    if (typeof path !== 'string')
      throw new ContractError('compose', `${at}: an entry is neither a path nor a mapping with path`);
    if (isSecretsFile(path)) return { path: hostPaths.envFile(packer.app), required: false };
    return { path: packer.pack(path, at) };
  });
  // Two secrets files of development become one and the same on the host.
  return sealed.filter((item, index) => sealed.findIndex((other) => other.path === item.path) === index);
}

function sealMounts(value: unknown, packer: Packer, at: string): ComposeObject[] {
  if (!Array.isArray(value)) throw new ContractError('compose', `${at}.volumes is not a list`);
  return value.map((entry, index) => {
    const where = `${at}.volumes[${index}]`;
    const mount = parseMount(entry, where);
    if (mount.type !== 'bind' || mount.source === undefined) return mount;
    if (mount.source.startsWith('/') && !packer.isSealed(mount.source)) return mount;
    // A release is immutable: its files are mounted read-only, and a missing one is an error instead of an empty directory.
    const options = isObject(mount['bind']) ? mount['bind'] : {};
    return {
      ...mount,
      source: packer.pack(mount.source, where),
      read_only: true,
      bind: { ...options, create_host_path: false },
    };
  });
}

/** Top-level volumes, configs and secrets that the sealed services use; networks are the host's business. */
function sealSections(stack: Stack, services: Record<string, StackService>, packer: Packer): ComposeObject {
  const result: ComposeObject = {};
  for (const key of ['volumes', 'configs', 'secrets'] as const) {
    const declared = section(stack.document, key);
    const used = new Set(Object.values(services).flatMap(({ compose }) => referenced(compose[key])));
    const kept: ComposeObject = {};
    for (const name of [...used].sort()) {
      const entry = Object.hasOwn(declared, name) ? declared[name] : undefined;
      if (entry === undefined)
        throw new ContractError('compose', `compose file: ${key}.${name} is used by a service and not declared`);
      const { file } = entry;
      const at = `compose file: ${key}.${name}`;
      if (key === 'secrets' && file !== undefined) {
        throw new ContractError(
          'compose',
          `${at}: a secret cannot come from a file, it would travel in the release; use environment: <NAME>`,
        );
      }
      kept[name] = typeof file === 'string' ? { ...entry, file: packer.pack(file, at) } : entry;
    }
    if (Object.keys(kept).length > 0) result[key] = kept;
  }
  return result;
}

/** Names of the volumes, configs or secrets in a service's list. */
function referenced(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    if (typeof entry === 'string') return [entry];
    if (!isObject(entry) || typeof entry['source'] !== 'string') return [];
    return 'type' in entry && entry['type'] !== 'volume' ? [] : [entry['source']];
  });
}

/** Required `${NAME}`s of everything but the extension (it is not for compose), and the variables that secrets are made from. */
function secretNames(document: ComposeObject): string[] {
  const names = new Set<string>();
  const collect = (text: string, where: string): string => {
    for (const name of requiredNames(text, where)) names.add(name);
    return text;
  };
  for (const [name, { 'x-release': _, ...compose }] of Object.entries(section(document, 'services'))) {
    mapStrings(compose, collect, `compose file: service ${name}`);
  }
  for (const key of ['volumes', 'configs', 'secrets']) {
    for (const entry of Object.values(section(document, key))) {
      mapStrings(entry, collect, `compose file: ${key}`);
      if (key !== 'volumes' && typeof entry['environment'] === 'string') names.add(entry['environment']);
    }
  }
  return [...names].sort();
}

/** Collects what has to be packed and says where it will be on the host. */
class Packer {
  readonly app: string;
  private readonly root: string;
  private readonly sources = new Set<string>();

  constructor(app: string, release: string) {
    this.app = app;
    this.root = hostPaths.releaseFiles(app, release);
  }

  /** Whether a path is the place of a packed file already: the text was sealed before. */
  isSealed(path: unknown): boolean {
    return typeof path === 'string' && path.startsWith(`${this.root}/`);
  }

  pack(path: string, where: string): string {
    const source = packedPath(this.isSealed(path) ? path.slice(this.root.length + 1) : path, where);
    if (isSecretsFile(source))
      throw new ContractError(
        'path',
        `${where}: ${JSON.stringify(source)} looks like a file of secrets and is not packed into a release`,
      );
    this.sources.add(source);
    return `${this.root}/${source}`;
  }

  files(): Sealed['files'] {
    return [...this.sources].sort().map((source) => ({ source, target: `files/${source}` }));
  }
}

/** `sha256:<hex>` of a text's UTF-8 bytes. */
export function contentDigest(text: string): string {
  return `sha256:${createHash('sha256').update(text, 'utf8').digest('hex')}`;
}

/** The manifest for a sealed text. Everything about services comes from the text itself, so that the two cannot disagree. */
export function makeManifest(input: ManifestInput): Manifest {
  const stack = parseCompose(input.sealed.text, { sealed: true });
  const services: ComposeObject = {};
  for (const { name, release, compose } of Object.values(stack.services)) {
    const web =
      release.role === 'web'
        ? {
            replicas: release.replicas,
            drainSeconds: release.drainSeconds,
            ...(release.probes && { probes: release.probes }),
          }
        : 'overlap' in release && release.overlap === true
          ? { overlap: true }
          : {};
    services[name] = {
      role: release.role,
      image: compose['image'],
      platforms: [...(input.platforms[name] ?? [])],
      ...web,
    };
  }
  const webs = webServices(stack.services);
  const manifest: unknown = {
    format: 1,
    app: stack.app,
    release: input.release,
    commit: input.commit,
    created: input.created,
    version: input.version,
    services,
    routes: webs.flatMap(({ name, release }) =>
      release.routes.map((route) => ({ service: name, ...route, port: release.port })),
    ),
    health: Object.fromEntries(webs.map(({ name, release }) => [name, release.health])),
    schema: schemaRange(stack.schema),
    secrets: input.sealed.secrets,
    agent: { minimum: input.agentMinimum ?? '0.1.0' },
    files: { 'compose.yaml': contentDigest(input.sealed.text), ...input.files },
  };
  return checkDocument('manifest', ManifestSchema, manifest);
}

function schemaRange(declared: Stack['schema']): Manifest['schema'] {
  if (declared === undefined) return { before: 0, after: 0, oldestCompatible: null };
  const { version, compatibleFrom = version } = declared;
  return { before: compatibleFrom, after: version, oldestCompatible: null, compatibleFrom };
}
