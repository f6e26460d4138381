import { describe, expect, it } from '@jest/globals';
import { ContractError } from '@delivery/release';
import { parseCompose } from '@delivery/stack';
import { SAMPLE, webFile } from './sample.ts';

function refusal(text: string): string {
  try {
    parseCompose(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ContractError);
    return `${(error as ContractError).code}: ${(error as ContractError).message}`;
  }
  throw new Error('nothing was refused');
}

const file = (extension: string, rest = ''): string =>
  `x-release: { app: shop }\nservices:\n  web:\n    image: a\n    x-release: ${extension}\n${rest}`;
const WEB = '{ role: web, port: 1, routes: [{ host: a.test }] }';

describe('parseCompose', () => {
  it('reads roles and fills defaults', () => {
    const { app, services } = parseCompose(SAMPLE);
    expect(app).toBe('shop');
    expect(Object.fromEntries(Object.values(services).map(({ name, release }) => [name, release.role]))).toEqual({
      web: 'web',
      api: 'web',
      'mailer.eu': 'worker',
      migrate: 'job',
      mongo: 'backing',
      proxy: 'edge',
    });
    expect(services['api']?.release).toEqual({
      role: 'web',
      port: 3333,
      replicas: 1,
      routes: [{ host: 'api.shop.example', path: '/v1/' }],
      health: {
        path: '/health',
        status: 200,
        json: {},
        consecutive: 3,
        intervalMs: 100,
        timeoutMs: 2000,
        deadlineSeconds: 30,
      },
      drainSeconds: 30,
    });
    expect(services['web']?.compose['x-release']).toBeUndefined();
    expect(services['web']?.compose['environment']).toMatchObject({ LOG: 'info' });
  });

  it.each([
    [
      'the top-level extension missing',
      'services: { web: { image: a } }',
      'extension: compose file: the top-level key x-release is missing',
    ],
    ['a wrong app name', 'x-release: { app: Shop }', 'extension: compose file: x-release: app: must match'],
    ['the app name of the edge', 'x-release: { app: edge }', "x-release: app: must not be a name of the host's own"],
    ['the app name of containerd', 'x-release: { app: containerd }', 'app: must not be a name'],
    ['an unknown top-level key', 'x-release: { app: shop, apps: 1 }', 'unknown key "apps"'],
    [
      'a service without extension',
      'x-release: { app: shop }\nservices: { db: { image: a } }',
      'extension: compose file: service db: x-release is missing',
    ],
    [
      'an unknown key',
      file('{ role: web, port: 1, routes: [{ host: a.test }], replica: 2 }'),
      'service web: x-release: unknown key "replica"',
    ],
    [
      'an unknown key of health',
      file('{ role: web, port: 1, routes: [{ host: a.test }], health: { url: / } }'),
      'x-release: health: unknown key "url"',
    ],
    [
      'an unknown key of a route',
      file('{ role: web, port: 1, routes: [{ host: a.test, prefix: / }] }'),
      'x-release: routes.0: unknown key "prefix"',
    ],
    [
      'an unknown key of probes',
      file('{ role: web, port: 1, routes: [{ host: a.test }], probes: { ping: / } }'),
      'x-release: probes: unknown key "ping"',
    ],
    ['a web key on another role', file('{ role: worker, port: 1 }'), 'unknown key "port"'],
    [
      'an unknown role',
      file('{ role: database }'),
      'role "database" is unknown (allowed: web, worker, scheduler, job, backing, edge)',
    ],
    ['no role', file('{ port: 1 }'), 'role is missing'],
    ['web without port', file('{ role: web, routes: [{ host: a.test }] }'), 'x-release: port: is missing'],
    ['web without routes', file('{ role: web, port: 1 }'), 'x-release: routes: is missing'],
    ['web with no route', file('{ role: web, port: 1, routes: [] }'), 'x-release: routes'],
    ['a port as text', file('{ role: web, port: "80", routes: [{ host: a.test }] }'), 'x-release: port'],
    [
      'a route host with a scheme',
      file('{ role: web, port: 1, routes: [{ host: "https://a.test" }] }'),
      'route: compose file: service web: route host',
    ],
    [
      'a route path without slash',
      file('{ role: web, port: 1, routes: [{ host: a.test, path: api }] }'),
      'route: compose file: service web: route path',
    ],
    [
      'a template in a route path',
      file('{ role: web, port: 1, routes: [{ host: a.test, path: "/{{x}}" }] }'),
      'route path',
    ],
    ['include', `include: [b.yaml]\n${file(WEB)}`, 'compose: compose file: include is not supported'],
    ['extends', webFile('extends: { service: x }'), 'compose: compose file: service web: extends is not supported'],
    ['published ports', webFile("ports: ['80:80']"), 'service web publishes host ports; only the edge publishes'],
    ['container_name', webFile('container_name: web'), 'service web sets container_name; two colours'],
    ['network_mode', webFile('network_mode: host'), 'service web sets network_mode'],
    ['volumes_from', webFile('volumes_from: [x]'), 'service web uses volumes_from'],
    ['a shared pid namespace', webFile('pid: service:x'), 'service web shares pid'],
    ['ports of a database', file('{ role: backing }', "    ports: ['5432:5432']"), 'publishes host ports'],
    ['container_name of a worker', file('{ role: worker }', '    container_name: a'), 'container_name'],
    ['no services', 'x-release: { app: shop }\nservices: {}', 'there are no services'],
    ['services that are a list', 'x-release: { app: shop }\nservices: [a]', 'services is not a mapping'],
    [
      'a name that a replica takes',
      file(
        '{ role: web, port: 1, replicas: 2, routes: [{ host: a.test }] }',
        '  web-2:\n    image: b\n    x-release: { role: worker }',
      ),
      'service web-2: the name is taken by replica 2 of web service web',
    ],
    [
      'an alias that is no host name',
      `x-release: { app: ${'a'.repeat(31)} }\nservices:\n  ${'b'.repeat(30)}:\n    image: a\n    x-release: ${WEB}`,
      'is longer than 63 characters',
    ],
    ['a document that is no mapping', '- a', 'yaml: compose file: is not a mapping'],
    ['an empty file', '', 'yaml: compose file: is not a mapping'],
  ])('refuses %s', (_, text, message) => {
    expect(refusal(text)).toContain(message);
  });

  it.each([
    ['services:\n  web:\n    image: [a\n', 'line 4'],
    ['a: 1\nb: 2\na: 3\n', 'line 3, column 1'],
    ['a: 1\n\tb: 2\n', 'line 2'],
    ['a: !reset null\n', 'line 1, column 4'],
    ['a: *nowhere\n', 'nowhere'],
  ])('names the place of a YAML error in %j', (text, place) => {
    expect(refusal(text)).toMatch(/^yaml: compose file: /);
    expect(refusal(text)).toContain(place);
  });

  it('refuses one route for two services, however its path ends', () => {
    const two = (a: string, b: string): string =>
      file(
        `{ role: web, port: 1, routes: [{ host: a.test, path: ${a} }] }`,
        `  api:\n    image: b\n    x-release: { role: web, port: 1, routes: [{ host: a.test, path: ${b} }] }`,
      );
    expect(refusal(two('/x', '/x'))).toBe('route: compose file: a.test/x is routed twice: services web and api');
    expect(refusal(two('/x', '/x/'))).toContain('routed twice');
    expect(refusal(two('/', '/'))).toContain('routed twice');
    expect(parseCompose(two('/x', '/xy')).app).toBe('shop');
    expect(parseCompose(two('/', '/x')).app).toBe('shop');
  });

  it('leaves the edge its ports and name', () => {
    const edge = file('{ role: edge }', "    ports: ['80:80']\n    container_name: edge\n    network_mode: host");
    expect(parseCompose(edge).services['web']?.compose['ports']).toEqual(['80:80']);
  });
});
