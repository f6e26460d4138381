import { ContractError, describeIssues, HOST_NAME, SERVICE_NAME, URL_PATH } from '@delivery/release';
import { checkAssets } from './assets.ts';
import { readYaml, section } from './document.ts';
import { checkHostAccess } from './host-access.ts';
import { checkOverlap } from './overlap.ts';
import { ServiceExtensionSchema, TopExtensionSchema, type ServiceExtension, type WebExtension } from './extension.ts';
import type { ComposeObject, Stack, StackService } from './types.ts';

const ROLES = ['web', 'worker', 'scheduler', 'job', 'backing', 'edge'];
const KEY = 'x-release';

/** What a service that a release brings along cannot have, and why. */
const REFUSED: Record<string, string> = {
  ports:
    'publishes host ports; only the edge publishes, and two colours cannot have one port (use routes, or a compose.override.yaml for development)',
  network_mode: 'sets network_mode; the release puts every service on its own networks',
  volumes_from: 'uses volumes_from; name the volumes instead',
  links: 'uses links; services reach each other by name',
};

/**
 * Reads and checks a compose file. Throws ContractError: `yaml` (with the line), `extension` (x-release missing, unknown key or role),
 * `compose` (what a release cannot have), `route` (two services want the same host and path). `${...}` stays as it is.
 * `sealed`: the text was sealed, so every path in it must be one that sealing gives; the host does not take it on trust.
 */
export function parseCompose(text: string, { sealed = false } = {}): Stack {
  const document = readYaml(text, 'compose file');
  if ('include' in document) throw refused('include is not supported: a release is sealed from one file');
  const top = TopExtensionSchema.safeParse(document[KEY] ?? undefined);
  if (document[KEY] === undefined) {
    throw new ContractError('extension', `compose file: the top-level key ${KEY} is missing (${KEY}: {app: <name>})`);
  }
  if (!top.success) throw new ContractError('extension', `compose file: ${KEY}: ${describeIssues(top.error)}`);
  const { app, schema } = top.data;

  const services: Record<string, StackService> = {};
  for (const [name, entry] of Object.entries(section(document, 'services'))) {
    if (!SERVICE_NAME.test(name))
      throw refused(`service name ${JSON.stringify(name)} must match ${SERVICE_NAME.source}`);
    const { [KEY]: extension, ...compose } = entry;
    const release = parseExtension(name, extension);
    checkService(app, name, release, compose);
    services[name] = { name, release, compose };
  }
  if (Object.keys(services).length === 0) throw refused('there are no services');
  checkRoutes(services);
  checkNames(services);
  for (const service of Object.values(services)) checkAssets(service);
  checkBackups(services, schema !== undefined);
  checkHostAccess(app, services, document, sealed);
  checkOverlap(app, services);
  return { app, schema, services, document };
}

function parseExtension(name: string, extension: unknown): ServiceExtension {
  const at = `compose file: service ${name}: ${KEY}`;
  if (extension === undefined || extension === null) {
    throw new ContractError('extension', `${at} is missing (${KEY}: {role: ${ROLES.join(' | ')}})`);
  }
  const role: unknown = (extension as ComposeObject)['role'];
  if (typeof role !== 'string' || !ROLES.includes(role)) {
    const found = role === undefined ? 'is missing' : `${JSON.stringify(role)} is unknown`;
    throw new ContractError('extension', `${at}: role ${found} (allowed: ${ROLES.join(', ')})`);
  }
  const result = ServiceExtensionSchema.safeParse(extension);
  if (!result.success) throw new ContractError('extension', `${at}: ${describeIssues(result.error)}`);
  return result.data;
}

function checkService(app: string, name: string, release: ServiceExtension, compose: ComposeObject): void {
  const at = `service ${name}`;
  if ('extends' in compose) throw refused(`${at}: extends is not supported: a release is sealed from one file`);
  if (release.role === 'edge') return;
  for (const [key, reason] of Object.entries(REFUSED)) {
    if (key in compose) throw refused(`${at} ${reason}`);
  }
  if (release.role === 'backing') return;
  if ('container_name' in compose) {
    throw refused(
      `${at} sets container_name; two colours run beside each other and cannot share a name (the live one gets the name "${name}")`,
    );
  }
  if (release.role === 'web') {
    const alias = `${app}-green-${name}-${release.replicas}`;
    if (alias.length > 63) throw refused(`${at}: "${alias}" would be its host name and is longer than 63 characters`);
  }
}

/** The web services of a stack with their extension. */
export function webServices(services: Record<string, StackService>): { name: string; release: WebExtension }[] {
  return Object.values(services).flatMap(({ name, release }) => (release.role === 'web' ? [{ name, release }] : []));
}

/** Refuses two routes with the same host and path, as far as they can be told apart before interpolation. */
export function checkRoutes(services: Record<string, StackService>): void {
  const seen = new Map<string, string>();
  for (const { name, release } of webServices(services)) {
    for (const { host, path } of release.routes) {
      if (!host.includes('$') && !HOST_NAME.test(host)) {
        throw new ContractError(
          'route',
          `compose file: service ${name}: route host ${JSON.stringify(host)} is no lower-case host name`,
        );
      }
      if (!path.includes('$') && !URL_PATH.test(path)) {
        throw new ContractError(
          'route',
          `compose file: service ${name}: route path ${JSON.stringify(path)} must start with / and hold no query, space or brace`,
        );
      }
      const key = `${host}${path.replace(/\/+$/, '')}/`;
      const other = seen.get(key);
      if (other !== undefined) {
        throw new ContractError('route', `compose file: ${host}${path} is routed twice: services ${other} and ${name}`);
      }
      seen.set(key, name);
    }
  }
}

/** A web service `a` runs as `a-1`, `a-2` ...; another service of that name would take its place. */
function checkNames(services: Record<string, StackService>): void {
  for (const { name, release } of webServices(services)) {
    for (let replica = 1; replica <= release.replicas; replica += 1) {
      if (`${name}-${replica}` in services) {
        throw refused(`service ${name}-${replica}: the name is taken by replica ${replica} of web service ${name}`);
      }
    }
  }
}

/** A backup runs when the schema number rises, so without a number it would never run, and nobody would notice. */
function checkBackups(services: Record<string, StackService>, declared: boolean): void {
  for (const { name, release } of Object.values(services)) {
    if (release.role === 'job' && release.purpose === 'backup' && !declared)
      throw new ContractError(
        'extension',
        `compose file: service ${name}: a job with purpose backup runs when the schema number rises; the top-level ${KEY} needs schema: {version: <number>}`,
      );
  }
}

function refused(message: string): ContractError {
  return new ContractError('compose', `compose file: ${message}`);
}
