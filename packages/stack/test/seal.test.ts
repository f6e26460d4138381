import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { contentDigest, seal } from '@delivery/stack';
import { imageOf, IMAGES, manifestOf, RELEASE, sealSample, webFile } from './sample.ts';

const FILES = `/opt/shop/releases/${RELEASE}/files`;
interface Document {
  services: Record<string, Record<string, unknown>>;
  volumes?: object;
  configs?: object;
  secrets?: object;
}
const documentOf = (text: string): Document => parse(text) as Document;
const sealWeb = (service: string, top = '', images: Record<string, string> = { web: imageOf('a') }) =>
  seal({ composeText: webFile(service, top), variables: {}, images, release: RELEASE });

describe('seal', () => {
  const sealed = sealSample();
  const document = documentOf(sealed.text);

  it('puts images by digest in the place of build, and leaves the edge out', () => {
    expect(
      Object.fromEntries(Object.entries(document.services).map(([name, service]) => [name, service['image']])),
    ).toEqual(IMAGES);
    expect(sealed.text).not.toContain('build:');
    expect(sealed.text).not.toContain('EDGE_ONLY');
    expect(sealed.text).not.toContain('x-common');
  });

  it('leaves runtime variables to the host', () => {
    expect(document.services['web']?.['environment']).toEqual({
      LOG: 'info',
      SESSION_KEY: '${SESSION_KEY:?is needed}',
      DB: 'mongodb://mongo/${DB_NAME:-shop}',
    });
    const other = sealSample({ variables: { SESSION_KEY: 'canary', DB_NAME: 'canary' } });
    expect(other.text).toBe(sealed.text);
  });

  it('fills in routes from the variables', () => {
    const routes = (variables: Record<string, string>) => manifestOf(sealSample({ variables })).routes;
    expect(routes({})[0]).toEqual({ service: 'web', host: 'shop.example', path: '/', port: 3000 });
    expect(routes({ SHOP_HOST: 'other.example' })[0]?.host).toBe('other.example');
    expect(() => routes({ SHOP_HOST: 'Not A Host' })).toThrow(
      'service web: routes[0].host: "Not A Host" is no lower-case host name',
    );
    expect(() => routes({ SHOP_HOST: 'api.shop.example' })).not.toThrow();
    const twice =
      '  a: { image: a, x-release: { role: web, port: 1, routes: [{ host: "${H}" }] } }\n  b: { image: a, x-release: { role: web, port: 1, routes: [{ host: b.test }] } }';
    const composeText = `x-release: { app: shop }\nservices:\n${twice}`;
    const images = { a: imageOf('a'), b: imageOf('b') };
    expect(() => seal({ composeText, variables: {}, images, release: RELEASE })).toThrow(
      'service a: routes[0].host: variable H is not set',
    );
    expect(() => seal({ composeText, variables: { H: 'b.test' }, images, release: RELEASE })).toThrow(
      'b.test/ is routed twice',
    );
  });

  it('lists the names that the host must have, of every role but the edge', () => {
    expect(sealed.secrets).toEqual(['ADMIN_URL', 'DB_KEY', 'MONGO_PASSWORD', 'SESSION_KEY']);
    expect(sealWeb('labels: { x-release: none }\nhealthcheck: { test: "$$PATH ${D:-}" }').secrets).toEqual([]);
  });

  it('lists the files to pack and points at their place on the host', () => {
    expect(sealed.files).toEqual(
      ['conf/web.json', 'config/defaults.conf', 'mongo/init.js', 'mongo/mongo.conf'].map((source) => ({
        source,
        target: `files/${source}`,
      })),
    );
    expect(document.services['web']?.['env_file']).toEqual([
      { path: '/opt/shop/.env', required: false },
      { path: `${FILES}/config/defaults.conf` },
    ]);
    expect(document.services['web']?.['volumes']).toEqual([
      { type: 'volume', source: 'uploads', target: '/uploads' },
      {
        type: 'bind',
        source: `${FILES}/conf/web.json`,
        target: '/etc/web.json',
        read_only: true,
        bind: { create_host_path: false },
      },
    ]);
    expect(document.configs).toEqual({ conf: { file: `${FILES}/mongo/mongo.conf` } });
  });

  it.each(['.env', './.env', '.env.production', 'app.env', './secrets/.env.local', '/root/.env', '../.env'])(
    'takes the env_file %s from the host, never along',
    (path) => {
      for (const form of [path, `[${path}, .env]`, `[{ path: ${path}, required: true }]`]) {
        const { text, files } = sealWeb(`env_file: ${form}`);
        expect(documentOf(text).services['web']?.['env_file']).toEqual([{ path: '/opt/shop/.env', required: false }]);
        expect(files).toEqual([]);
      }
    },
  );

  it.each([
    ['a path outside', "volumes: ['../x:/x']", 'volumes[0]: path "../x" leads outside'],
    ['the directory above', "volumes: ['..:/x']", 'path ".." leads outside'],
    ['a path that ends outside', "volumes: ['./a/../../x:/x']", 'leads outside'],
    ['the whole directory', "volumes: ['.:/x']", 'is the whole directory'],
    ['a home path', "volumes: ['~/x:/x']", 'path "~/x" is outside'],
    ['a variable path', "volumes: ['${DIR}:/x']", 'the source of a mount cannot be a variable'],
    ['a variable in a path', "volumes: [{ type: bind, source: './${X}', target: /x }]", 'holds a variable'],
    ['a secrets file as a mount', "volumes: ['./.env:/x']", 'looks like a file of secrets'],
    [
      'the Docker socket',
      "volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']",
      'a web service must not hold the Docker socket',
    ],
    ['an env_file outside', 'env_file: ../x.conf', 'leads outside'],
    ['an undeclared volume', "volumes: ['data:/x']", 'volumes.data is used by a service and not declared'],
    ['an undeclared config', 'configs: [a]', 'configs.a is used'],
    ['a mode that is unknown', "volumes: ['./x:/x:exec']", 'mode "exec" is not supported'],
    ['a mount without target', 'volumes: [{ type: bind, source: ./x }]', 'a mount needs type and target'],
  ])('refuses %s', (_, service, message) => {
    expect(() => sealWeb(service)).toThrow(message);
  });

  it('refuses a config outside, and a secret from a file', () => {
    expect(() => sealWeb('configs: [a]', 'configs: { a: { file: /etc/passwd } }')).toThrow(
      'configs.a: path "/etc/passwd" is outside',
    );
    expect(() => sealWeb('secrets: [a]', 'secrets: { a: { file: ./key } }')).toThrow(
      'secrets.a: a secret cannot come from a file',
    );
  });

  it("leaves the app's own data directory alone", () => {
    const volumes = documentOf(sealWeb("volumes: ['/opt/shop/data/up:/up:ro']").text).services['web']?.['volumes'];
    expect(volumes).toEqual([{ type: 'bind', source: '/opt/shop/data/up', target: '/up', read_only: true }]);
  });

  it('needs an image by digest for every service', () => {
    expect(() => sealWeb('', '', {})).toThrow('service web: no image was given');
    expect(() => sealWeb('', '', { web: 'local/web:1' })).toThrow(
      'service web: image "local/web:1" is not <repository>@sha256',
    );
    expect(() => sealSample({ release: '../x' })).toThrow('release: "../x" must match');
    const edge = 'x-release: { app: shop }\nservices: { e: { image: a, x-release: { role: edge } } }';
    expect(() => seal({ composeText: edge, variables: {}, images: {}, release: RELEASE })).toThrow(
      'nothing to release',
    );
  });

  it('keeps the meaning of numbers that YAML libraries disagree on', () => {
    const environment =
      'environment: { UMASK: 0022, TEXT: "0022", UNDER: "1_000", BIG: 12345678901234567890, YES: yes, VERSION: "1.10", HEX: "0x1f" }';
    const text = sealWeb(environment).text;
    for (const line of [
      'UMASK: 18',
      'TEXT: "0022"',
      'UNDER: "1_000"',
      'BIG: "12345678901234567890"',
      'YES: "yes"',
      'VERSION: "1.10"',
      'HEX: "0x1f"',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(sealed.text).toContain('mode: 288\n');
  });

  it("drops what only matters where images are built, and networks, which are the host's", () => {
    const text = sealWeb(
      'profiles: [x]\npull_policy: always\ndevelop: {}\nscale: 3\nnetworks: [a]\nx-note: 1',
      'networks: { a: {} }',
    ).text;
    for (const key of ['profiles', 'pull_policy', 'develop', 'scale', 'networks', 'x-note'])
      expect(text).not.toContain(key);
  });

  it('is deterministic, and sealing again changes nothing', () => {
    const value = fc.oneof(
      fc.string(),
      fc
        .constantFrom('${A}', '${A:?}', '$$x', '${B:-c}', '0440', 'yes', '1_0', ' # x', '{{x}}', "it's", 'a: b')
        .map((text) => text),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
    const safe = value.filter((item) => typeof item !== 'string' || !/\$(?![${])|\$\{(?![AB][:}])/.test(item));
    const mount = fc.constantFrom(
      'data:/d',
      './conf/a.json:/a:ro',
      './conf:/c',
      '/opt/shop/data/h:/h:ro',
      '/anonymous',
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[A-Z]{1,5}$/), safe),
        fc.array(mount, { maxLength: 4 }),
        fc.constantFrom('.env', './x.conf', 'a/.env.local'),
        (environment, volumes, envFile) => {
          const composeText = webFile(
            `environment: ${JSON.stringify(environment)}\nvolumes: ${JSON.stringify(volumes)}\nenv_file: ${envFile}`,
            'volumes: { data: {} }',
          );
          const input = { variables: {}, images: { web: imageOf('a') }, release: RELEASE };
          const once = seal({ ...input, composeText });
          expect(seal({ ...input, composeText })).toEqual(once);
          expect(seal({ ...input, composeText: once.text })).toEqual(once);
        },
      ),
      { numRuns: 60 },
    );
    expect(sealSample({ composeText: sealed.text })).toEqual(sealed);
  });
});

describe('makeManifest', () => {
  it('takes services, routes and health from the sealed text', () => {
    const sealed = sealSample();
    const manifest = manifestOf(sealed);
    expect(manifest.services['web']).toEqual({
      role: 'web',
      image: IMAGES.web,
      platforms: ['linux/amd64'],
      replicas: 2,
      drainSeconds: 40,
      probes: { get: '/' },
    });
    expect(manifest.services['mongo']).toEqual({ role: 'backing', image: IMAGES.mongo, platforms: [] });
    expect(manifest.services['proxy']).toBeUndefined();
    expect(manifest.routes).toEqual([
      { service: 'web', host: 'shop.example', path: '/', port: 3000 },
      { service: 'web', host: 'shop.example', path: '/admin', port: 3000 },
      { service: 'api', host: 'api.shop.example', path: '/v1/', port: 3333 },
    ]);
    expect(Object.keys(manifest.health)).toEqual(['web', 'api']);
    expect(manifest.health['web']?.json).toEqual({ status: 'healthy' });
    expect(manifest.files).toEqual({ 'compose.yaml': contentDigest(sealed.text) });
    expect(manifest.secrets).toEqual(sealed.secrets);
  });

  it('refuses values that the manifest does not take', () => {
    expect(() => manifestOf(sealSample(), 'not a release')).toThrow('manifest: release');
    expect(() => manifestOf(sealSample(), RELEASE, '')).toThrow('manifest: version');
  });
});
