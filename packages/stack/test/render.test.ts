import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { renderBacking, renderColour, renderJobs } from '@delivery/stack';
import { IMAGES, imageOf, manifestOf, RELEASE, sealSample } from './sample.ts';

interface Service extends Record<string, unknown> {
  environment: Record<string, string>;
  labels: Record<string, string>;
}
interface Document {
  name: string;
  services: Record<string, Service>;
  networks: object;
  volumes?: object;
}
const sealed = sealSample();
const manifest = manifestOf(sealed, RELEASE, '1.2 $x');

describe('renderColour', () => {
  const rendered = renderColour({ sealed: sealed.text, manifest, colour: 'green' });
  const document = parse(rendered.text) as Document;
  const service = (name: string): Service => document.services[name]!;

  it('has each replica of web, and the workers, in a project of its own', () => {
    expect(rendered.project).toBe('shop-green');
    expect(document.name).toBe('shop-green');
    expect(Object.keys(document.services)).toEqual(['web-1', 'web-2', 'api-1', 'mailer.eu']);
    expect(rendered.containers).toEqual([
      {
        name: 'web-1',
        service: 'web',
        role: 'web',
        replica: 1,
        alias: 'shop-green-web-1',
        port: 3000,
        image: IMAGES.web,
      },
      {
        name: 'web-2',
        service: 'web',
        role: 'web',
        replica: 2,
        alias: 'shop-green-web-2',
        port: 3000,
        image: IMAGES.web,
      },
      {
        name: 'api-1',
        service: 'api',
        role: 'web',
        replica: 1,
        alias: 'shop-green-api-1',
        port: 3333,
        image: IMAGES.api,
      },
      {
        name: 'mailer.eu',
        service: 'mailer.eu',
        role: 'worker',
        replica: 1,
        alias: null,
        port: null,
        image: IMAGES['mailer.eu'],
      },
    ]);
  });

  it('puts web on the edge under an alias of its own, workers not', () => {
    expect(service('web-2')['networks']).toEqual({
      default: { aliases: ['web'] },
      edge: { aliases: ['shop-green-web-2'] },
      app: {},
    });
    expect(service('mailer.eu')['networks']).toEqual({ default: { aliases: ['mailer.eu'] }, app: {} });
    expect(document.networks).toEqual({
      default: { name: '0-shop-green' },
      edge: { external: true, name: 'edge' },
      app: { external: true, name: 'shop' },
    });
  });

  it("names the colour's network so that it sorts before the app's and the edge's", () => {
    expect(['edge', 'shop', '0-shop-green'].sort()[0]).toBe('0-shop-green');
  });

  it('says which release, colour and service a container is', () => {
    expect(service('web-1').environment).toEqual({
      LOG: 'info',
      SESSION_KEY: '${SESSION_KEY:?is needed}',
      DB: 'mongodb://mongo/${DB_NAME:-shop}',
      RELEASE_ID: RELEASE,
      RELEASE_VERSION: '1.2 $$x',
    });
    expect(service('api-1').environment).toMatchObject({ PORT: '3333', MODE: '${MODE-prod}', RELEASE_ID: RELEASE });
    expect(service('api-1').labels).toEqual({
      team: 'a',
      'delivery.app': 'shop',
      'delivery.release': RELEASE,
      'delivery.colour': 'green',
      'delivery.service': 'api',
    });
  });

  it('sets restart, grace, log caps and never pulls', () => {
    for (const item of Object.values(document.services)) {
      expect(item).toMatchObject({
        restart: 'unless-stopped',
        logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
        pull_policy: 'never',
      });
    }
    expect(Object.values(document.services).map((item) => item['stop_grace_period'])).toEqual([
      '40s',
      '40s',
      '30s',
      '30s',
    ]);
  });

  it('keeps resource limits of deploy and nothing else of it', () => {
    expect(service('web-1')['deploy']).toEqual({ resources: { limits: { memory: '256M' } } });
  });

  it('depends only on what is in the project, per replica', () => {
    expect(service('web-1')['depends_on']).toEqual({ 'api-1': { condition: 'service_started' } });
    expect(service('mailer.eu')['depends_on']).toEqual({ 'api-1': { condition: 'service_healthy' } });
    expect(service('api-1')['depends_on']).toBeUndefined();
  });

  it('shares volumes between colours under the name of the app, as external ones', () => {
    expect(document.volumes).toEqual({ uploads: { external: true, name: 'shop_uploads' } });
    expect(rendered.volumes).toEqual([{ name: 'shop_uploads', driver: 'local', options: {} }]);
    expect(rendered.files).toEqual([]);
  });

  it('differs between the colours only in the colour', () => {
    const blue = renderColour({ sealed: sealed.text, manifest, colour: 'blue' });
    expect(blue.text).not.toContain('green');
    expect(blue.text.replaceAll('blue', 'green')).toBe(rendered.text);
  });

  it('refuses a sealed text that is not of the manifest', () => {
    const other = sealSample({ images: { ...IMAGES, web: imageOf('f') } });
    expect(() => renderColour({ sealed: other.text, manifest, colour: 'blue' })).toThrow(
      'service web does not agree with the manifest',
    );
    expect(() => renderColour({ sealed: sealed.text, manifest: { ...manifest, app: 'else' }, colour: 'blue' })).toThrow(
      'it is of app shop, the manifest of app else',
    );
  });
});

describe('renderBacking', () => {
  const rendered = renderBacking({ sealed: sealed.text, manifest });
  const document = parse(rendered.text) as Document;

  it('has the backing services under their names on the network of the app', () => {
    expect(rendered.project).toBe('shop-backing');
    expect(Object.keys(document.services)).toEqual(['mongo']);
    expect(document.networks).toEqual({ app: { external: true, name: 'shop' } });
    expect(document.services['mongo']).toMatchObject({
      container_name: 'mongo',
      networks: { app: { aliases: ['mongo'] } },
      restart: 'unless-stopped',
      stop_grace_period: '1m',
      environment: { MONGO_INITDB_ROOT_PASSWORD: '${MONGO_PASSWORD:?}' },
    });
    expect(document.volumes).toEqual({ data: { driver_opts: { size: '1g' }, name: 'shop_data' } });
    expect(rendered.volumes).toEqual([{ name: 'shop_data', driver: 'local', options: { size: '1g' } }]);
    expect(rendered.containers).toEqual([
      { name: 'mongo', service: 'mongo', role: 'backing', replica: 1, alias: null, port: null, image: IMAGES.mongo },
    ]);
  });

  it('is the same text for another release of the same services, so that nothing is recreated', () => {
    const other = sealSample({ release: 'other', images: { ...IMAGES, web: imageOf('f') } });
    const again = renderBacking({ sealed: other.text, manifest: manifestOf(other, 'other', '2.0') });
    expect(again).toEqual(rendered);
    expect(rendered.text).not.toContain(RELEASE);
  });

  it('has its files in a place that outlives the release', () => {
    expect(rendered.files).toEqual([
      { source: 'files/mongo/init.js', target: '/opt/shop/backing/files/mongo/init.js' },
      { source: 'files/mongo/mongo.conf', target: '/opt/shop/backing/files/mongo/mongo.conf' },
    ]);
    for (const { target } of rendered.files) expect(rendered.text).toContain(`"${target}"`);
  });
});

describe('renderJobs', () => {
  const jobs = Object.entries(manifest.services)
    .filter(([, { role }]) => role === 'job')
    .map(([name]) => name);
  const rendered = renderJobs({ sealed: sealed.text, manifest });
  const document = parse(rendered.text) as Document;

  it('has the jobs alone, beside the backing services, run once and never restarted', () => {
    expect(jobs.length).toBeGreaterThan(0);
    expect(rendered.project).toBe('shop-jobs');
    expect(Object.keys(document.services)).toEqual(jobs);
    expect(rendered.containers.map(({ name, role }) => [name, role])).toEqual(jobs.map((name) => [name, 'job']));
    for (const name of jobs) {
      expect(document.services[name]).toMatchObject({
        restart: 'no',
        pull_policy: 'never',
        networks: { app: {} },
        environment: { RELEASE_ID: RELEASE },
      });
    }
    expect(document.networks).toEqual({ app: { external: true, name: 'shop' } });
  });
});
