import { describe, expect, it } from '@jest/globals';
import { makeManifest, parseCompose, renderColour, seal } from '@delivery/stack';
import { imageOf, manifestOf, RELEASE, sealSample } from './sample.ts';

function file(service: string, extension: string): string {
  return `x-release: { app: shop }
services:
  web: { image: a, x-release: { role: web, port: 1, routes: [{ host: a.test }] } }
  other:
    image: a
${service.replace(/^/gm, '    ')}
    x-release: ${extension}
volumes: { uploads: {} }`;
}
const WEB = (more = ''): string => `{ role: web, port: 1, routes: [{ host: b.test }]${more} }`;
const check = (service: string, extension: string) => (): unknown => parseCompose(file(service, extension));

describe('what cannot run twice', () => {
  it.each([
    ['a volume of a web service', 'volumes: ["uploads:/u"]', WEB(), 'service other: mounts "uploads" read-write'],
    ['the long form', 'volumes: [{ type: volume, source: uploads, target: /u }]', WEB(), '"uploads" read-write'],
    [
      'a flag for the host to fill in',
      'volumes: [{ type: volume, source: uploads, target: /u, read_only: "${RO:-true}" }]',
      WEB(),
      'read-write',
    ],
    ['a path of the data', 'volumes: ["/opt/shop/data/u:/u"]', WEB(), '"/opt/shop/data/u" read-write'],
    ['a worker that overlaps', 'volumes: ["uploads:/u"]', '{ role: worker, overlap: true }', 'service other: mounts'],
    [
      'a scheduler that overlaps',
      'volumes: ["uploads:/u"]',
      '{ role: scheduler, overlap: true }',
      'service other: mounts',
    ],
    ['a shared volume with a wrong name', 'volumes: ["uploads:/u"]', WEB(', shared: [upload]'), 'mounts "uploads"'],
    ['host ports', 'ports: ["80:80"]', WEB(), 'service other publishes host ports'],
    ['a container name', 'container_name: other', '{ role: scheduler }', 'service other sets container_name'],
    ["the host's network", 'network_mode: host', '{ role: worker }', 'service other sets network_mode'],
  ])('is refused by name: %s', (_what, service, extension, message) => {
    expect(check(service, extension)).toThrow(message);
  });

  it.each([
    ['read-only', 'volumes: ["uploads:/u:ro"]', WEB()],
    ['declared shared', 'volumes: ["uploads:/u"]', WEB(', shared: [uploads]')],
    ['data declared shared', 'volumes: ["/opt/shop/data/u:/u"]', WEB(', shared: [/opt/shop/data/u]')],
    ['without a name', 'volumes: [/cache]', WEB()],
    ['a worker that never runs twice', 'volumes: ["uploads:/u"]', '{ role: worker }'],
    ['a scheduler that never runs twice', 'volumes: ["uploads:/u"]', '{ role: scheduler }'],
    ['a backing service', 'volumes: ["uploads:/u"]', '{ role: backing }'],
  ])('is allowed: %s', (_what, service, extension) => {
    expect(check(service, extension)).not.toThrow();
  });

  it('is refused by the host again, in a sealed file that was made by hand', () => {
    const sealed = sealSample();
    const text = sealed.text.replace(/ +"?shared"?:\n +- "uploads"\n/, '');
    expect(text).not.toBe(sealed.text);
    const manifest = manifestOf(sealed);
    expect(() => renderColour({ sealed: text, manifest, colour: 'blue' })).toThrow('service web: mounts "uploads"');
  });
});

describe('workers and schedulers', () => {
  it('are containers of the colour; those declared safe say so, in the manifest too', () => {
    const composeText = `x-release: { app: shop }
services:
  web: { image: a, x-release: { role: web, port: 1, routes: [{ host: a.test }] } }
  mail: { image: a, x-release: { role: worker, overlap: true } }
  cron: { image: a, x-release: { role: scheduler } }`;
    const images = { web: imageOf('a'), mail: imageOf('b'), cron: imageOf('c') };
    const sealed = seal({ composeText, variables: {}, images, release: RELEASE });
    const manifest = makeManifest({
      sealed,
      release: RELEASE,
      commit: 'abcdef0',
      created: '2026-01-01T00:00:00Z',
      version: '1',
      platforms: {},
      files: {},
    });
    expect(manifest.services['cron']).toEqual({ role: 'scheduler', image: images.cron, platforms: [] });
    expect(manifest.services['mail']).toEqual({ role: 'worker', image: images.mail, platforms: [], overlap: true });
    const { containers } = renderColour({ sealed: sealed.text, manifest, colour: 'blue' });
    expect(containers.map(({ name, role, overlap }) => [name, role, overlap ?? false])).toEqual([
      ['web-1', 'web', false],
      ['mail', 'worker', true],
      ['cron', 'scheduler', false],
    ]);
  });
});
