import { ContractError, RELEASE_ID, type Route } from '@delivery/release';
import { isObject, readYaml, writeYaml } from './document.ts';
import { replicaAlias } from './render.ts';
import type { ComposeObject, RouteInput, RouteState } from './types.ts';

/** Traefik's file provider reads every file as a Go template. */
const TEMPLATE = '{{';
const ESCAPED_TEMPLATE = '{{`{{`}}';

/**
 * Traefik's dynamic file of one app, the whole of what the edge knows about it: routers to the given colour, the headers that tell
 * which file and release answered, and a transport of the colour's own, so that an idle old pool closes in seconds and what is left is
 * work. Retries are for network errors only, where nothing was written upstream, so a POST is not repeated; they last some four seconds,
 * for which Docker's names do not resolve while a dockerd that died is started again.
 */
export function renderRoute({ manifest, colour, generation, tls }: RouteInput): string {
  if (!Number.isSafeInteger(generation) || generation < 1) {
    throw new ContractError('route', `route: generation ${generation} is not a whole number of at least 1`);
  }
  if (manifest.routes.length === 0)
    throw new ContractError('route', `route: release ${manifest.release} has no routes`);
  const { app, release } = manifest;
  const transport = `${app}-${colour}`;
  const routers: ComposeObject = {};
  const services: ComposeObject = {};
  for (const [index, route] of manifest.routes.entries()) {
    const service = `${app}-${colour}-${route.service}`;
    routers[`${app}-${route.service}-${index}`] = {
      rule: rule(route),
      // Longer paths first. Traefik's own order counts the whole rule, so that a long host name would beat a long path.
      priority: route.priority ?? route.path.length,
      entryPoints: ['websecure'],
      service,
      middlewares: [`${app}-release`, `${app}-retry`],
      tls: tls === 'acme' ? { certResolver: 'acme' } : {},
    };
    const replicas = manifest.services[route.service]?.replicas ?? 1;
    services[service] = {
      loadBalancer: {
        serversTransport: transport,
        servers: Array.from({ length: replicas }, (_, replica) => ({
          url: `http://${replicaAlias(app, colour, route.service, replica + 1)}:${route.port}`,
        })),
      },
    };
  }
  const document = {
    http: {
      routers,
      middlewares: {
        [`${app}-release`]: {
          headers: { customResponseHeaders: { 'X-Edge-Generation': String(generation), 'X-Release': release } },
        },
        [`${app}-retry`]: { retry: { attempts: 8, initialInterval: '300ms' } },
      },
      services,
      // Below the keep-alive of Node (5 s): the edge, not the app, closes an idle connection, so that no request meets a closing one.
      serversTransports: { [transport]: { forwardingTimeouts: { dialTimeout: '2s', idleConnTimeout: '4s' } } },
    },
  };
  return writeYaml(document).replaceAll(TEMPLATE, ESCAPED_TEMPLATE);
}

/** A path is a prefix of whole segments: `/api` is for /api and /api/x, not for /apix. */
function rule({ host, path }: Route): string {
  const hosts = `Host(\`${host}\`)`;
  const prefix = path.replace(/\/+$/, '');
  return prefix === '' ? hosts : `${hosts} && (Path(\`${prefix}\`) || PathPrefix(\`${prefix}/\`))`;
}

/** What a route file says is live. Throws ContractError `route` for a text that `renderRoute` did not write. */
export function parseRoute(text: string): RouteState {
  const document = readYaml(text.replaceAll(ESCAPED_TEMPLATE, TEMPLATE), 'route file');
  const http = child(document, 'http');
  const headers = Object.entries(child(http, 'middlewares'))
    .filter(([name]) => name.endsWith('-release'))
    .map(([, middleware]) => child(child(middleware, 'headers'), 'customResponseHeaders'));
  const transports = Object.keys(child(http, 'serversTransports'));
  const [own] = headers;
  if (own === undefined || headers.length > 1 || transports.length !== 1) {
    throw new ContractError('route', 'route file: expected one middleware with the release headers and one transport');
  }
  const generation = String(own['X-Edge-Generation']);
  const release = String(own['X-Release']);
  const colour = /-(blue|green)$/.exec(transports[0] ?? '')?.[1];
  if (!/^[1-9]\d{0,14}$/.test(generation))
    throw new ContractError('route', 'route file: X-Edge-Generation is no whole number of at least 1');
  if (!RELEASE_ID.test(release)) throw new ContractError('route', 'route file: X-Release is no release id');
  if (colour !== 'blue' && colour !== 'green')
    throw new ContractError('route', 'route file: its transport has no colour');
  return { generation: Number(generation), release, colour };
}

function child(value: unknown, key: string): ComposeObject {
  const found = isObject(value) ? value[key] : undefined;
  if (!isObject(found)) throw new ContractError('route', `route file: ${key} is missing`);
  return found;
}
