import { ContractError } from '@delivery/release';
import { isObject, readYaml } from './document.ts';

/** What a route file takes for its app: requests to a host below a path, and names that the edge has once for all apps. */
export interface Claims {
  routes: { host: string; path: string; priority: number }[];
  /** Names of the routers. */
  routers: string[];
}

/** Projects, networks, aliases and services of an app begin with its name and one of these. */
const PARTS = ['blue', 'green', 'backing', 'jobs', 'run'];

/**
 * Reads what a route file claims, one written by hand included: every host of every rule with the first path of the rule, `/` without one.
 * Throws ContractError `route` for a text that is no YAML mapping.
 */
export function readClaims(text: string): Claims {
  const document = readYaml(text, 'route file');
  if (!isObject(document)) throw new ContractError('route', 'route file: is no mapping');
  const http = document['http'];
  const routers = isObject(http) && isObject(http['routers']) ? http['routers'] : {};
  const routes = Object.values(routers).flatMap((router) => {
    if (!isObject(router) || typeof router['rule'] !== 'string') return [];
    const { rule, priority } = router as { rule: string; priority?: unknown };
    const path = normal(/\bPath(?:Prefix)?\(`([^`]*)`\)/.exec(rule)?.[1] ?? '/');
    const hosts = [...rule.matchAll(/\bHost\(([^)]*)\)/g)].flatMap(([, list = '']) => [...list.matchAll(/`([^`]+)`/g)]);
    return hosts.map(([, host = '']) => ({
      host: host.toLowerCase(),
      path,
      // Traefik's own order, where a rule gives none, is its length.
      priority: typeof priority === 'number' && priority > 0 ? priority : rule.length,
    }));
  });
  return { routes, routers: Object.keys(routers) };
}

/**
 * Why the claims of two apps cannot both be served, or null. The same host and path is one claim; below another app's path there may be
 * one of one's own, as long as the longer path comes first: else the shorter one would take every request of it.
 */
export function clash(mine: Claims, theirs: Claims): string | null {
  for (const own of mine.routes) {
    for (const other of theirs.routes) {
      if (own.host !== other.host) continue;
      if (own.path === other.path) return `the route ${own.host}${own.path}`;
      const [outer, inner] = own.path.length < other.path.length ? [own, other] : [other, own];
      if (inner.path.startsWith(outer.path === '/' ? '/' : `${outer.path}/`) && outer.priority >= inner.priority)
        return `the route ${inner.host}${inner.path}, whose requests ${outer.host}${outer.path} would take (priority ${outer.priority} against ${inner.priority})`;
    }
  }
  const router = mine.routers.find((name) => theirs.routers.includes(name));
  return router === undefined ? null : `the router name ${router}, made of app and service`;
}

/** Whether the names of two apps would give containers, networks or services of the same names: `shop` and `shop-blue`. */
export function namesOverlap(one: string, other: string): boolean {
  const within = (app: string, name: string): boolean =>
    PARTS.some((part) => name === `${app}-${part}` || name.startsWith(`${app}-${part}-`));
  return within(one, other) || within(other, one);
}

function normal(path: string): string {
  const prefix = path.replace(/\/+$/, '');
  return prefix === '' ? '/' : prefix;
}
