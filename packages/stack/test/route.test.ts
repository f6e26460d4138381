import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Manifest } from '@delivery/release';
import { parseRoute, renderRoute } from '@delivery/stack';
import { manifestOf, RELEASE, sealSample } from './sample.ts';

const manifest = manifestOf(sealSample());
interface Router {
  rule: string;
  priority: number;
  service: string;
  middlewares: string[];
  tls: object;
  entryPoints: string[];
}
interface Http {
  routers: Record<string, Router>;
  middlewares: object;
  services: object;
  serversTransports: object;
}
const httpOf = (text: string): Http => (parse(text) as { http: Http }).http;
const render = (overrides: Partial<Manifest> = {}) =>
  renderRoute({ manifest: { ...manifest, ...overrides }, colour: 'green', generation: 42, tls: 'files' });

describe('renderRoute', () => {
  const http = httpOf(render());

  it('routes every host and path to the replicas of the colour', () => {
    expect(Object.values(http.routers).map(({ rule, service }) => [rule, service])).toEqual([
      ['Host(`shop.example`)', 'shop-green-web'],
      ['Host(`shop.example`) && (Path(`/admin`) || PathPrefix(`/admin/`))', 'shop-green-web'],
      ['Host(`api.shop.example`) && (Path(`/v1`) || PathPrefix(`/v1/`))', 'shop-green-api'],
    ]);
    expect(http.services).toEqual({
      'shop-green-web': {
        loadBalancer: {
          serversTransport: 'shop-green',
          servers: [{ url: 'http://shop-green-web-1:3000' }, { url: 'http://shop-green-web-2:3000' }],
        },
      },
      'shop-green-api': {
        loadBalancer: { serversTransport: 'shop-green', servers: [{ url: 'http://shop-green-api-1:3333' }] },
      },
    });
  });

  it('sets both headers, retries network errors, and closes idle connections before the app does', () => {
    expect(http.middlewares).toEqual({
      'shop-release': { headers: { customResponseHeaders: { 'X-Edge-Generation': '42', 'X-Release': RELEASE } } },
      'shop-retry': { retry: { attempts: 8, initialInterval: '300ms' } },
    });
    expect(http.serversTransports).toEqual({
      'shop-green': { forwardingTimeouts: { dialTimeout: '2s', idleConnTimeout: '4s' } },
    });
    for (const router of Object.values(http.routers)) {
      expect(router).toMatchObject({
        middlewares: ['shop-release', 'shop-retry'],
        entryPoints: ['websecure'],
        tls: {},
      });
    }
  });

  it('asks the edge for no health checks of its own', () => {
    expect(render()).not.toMatch(/health/i);
  });

  it('prefers the longer path, whatever the length of the host', () => {
    const routes = [
      { service: 'web', host: `${'long-'.repeat(10)}name.example`, path: '/', port: 1 },
      { service: 'web', host: 'a.example', path: '/api', port: 1 },
      { service: 'web', host: 'a.example', path: '/api/v2', port: 1 },
      { service: 'web', host: 'a.example', path: '/z', port: 1, priority: 500 },
    ];
    const priorities = Object.values(httpOf(render({ routes })).routers).map(({ priority }) => priority);
    expect(priorities).toEqual([1, 4, 7, 500]);
  });

  it('asks for certificates only in the acme mode', () => {
    const text = renderRoute({ manifest, colour: 'blue', generation: 1, tls: 'acme' });
    for (const { tls } of Object.values(httpOf(text).routers)) expect(tls).toEqual({ certResolver: 'acme' });
    for (const { tls } of Object.values(http.routers)) expect(tls).toEqual({});
  });

  it('escapes what Traefik would take for a template', () => {
    // The schema does not let a brace in; the file must be safe by itself all the same.
    const routes = [{ service: 'web', host: 'a.example', path: '/{{env "HOME"}}', port: 1 }];
    const text = render({ routes });
    expect(text.replaceAll('{{`{{`}}', '')).not.toContain('{{');
    // What Go's template engine prints for the escape.
    const unfolded = text.replaceAll('{{`{{`}}', '{{');
    expect(Object.values(httpOf(unfolded).routers)[0]?.rule).toContain('Path(`/{{env "HOME"}}`)');
    expect(parseRoute(text).generation).toBe(42);
  });

  it('refuses a generation that is none, and a release without routes', () => {
    for (const generation of [0, -1, 1.5, Number.NaN, 2 ** 60]) {
      expect(() => renderRoute({ manifest, colour: 'blue', generation, tls: 'files' })).toThrow(
        'is not a whole number',
      );
    }
    expect(() => render({ routes: [] })).toThrow('has no routes');
  });
});

describe('parseRoute', () => {
  it('reads back what the file says', () => {
    const release = fc.stringMatching(/^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/);
    const app = fc.oneof(
      fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/),
      fc.constantFrom('a-blue', 'green', 'x-release', 'shop-retry'),
    );
    fc.assert(
      fc.property(
        release,
        app,
        fc.constantFrom('blue', 'green'),
        fc.integer({ min: 1, max: 1e12 }),
        (id, name, colour, generation) => {
          const text = renderRoute({
            manifest: { ...manifest, app: name, release: id },
            colour,
            generation,
            tls: 'files',
          });
          expect(parseRoute(text)).toEqual({ generation, release: id, colour });
        },
      ),
    );
  });

  it('refuses a text that renderRoute did not write', () => {
    const text = render();
    for (const wrong of [
      '',
      'http: {}',
      '{',
      text.replace('X-Edge-Generation: "42"', 'X-Edge-Generation: "0"'),
      text.replace('X-Edge-Generation', 'X-Other'),
      text.replaceAll('shop-green:', 'shop-red:'),
      text.replace(`X-Release: "${RELEASE}"`, 'X-Release: ""'),
      text.replace(/^( +)shop-retry:/m, '$1else-release: { headers: { customResponseHeaders: {} } }\n$&'),
      text.slice(0, text.length / 2),
    ]) {
      expect(() => parseRoute(wrong)).toThrow(/route file/);
    }
  });
});
