import { describe, expect, it } from '@jest/globals';
import { inOrder } from '../src/backing/apply.ts';
import { blipOf } from '../src/backing/blip.ts';
import { compareContainer, filesOf, parseHashes } from '../src/backing/difference.ts';
import { remakeOf } from '../src/docker/remake.ts';
import type { Inspected } from '../src/docker/remake.ts';
import { backingRows } from '../src/human-plan.ts';
import { decideOutcome } from '../src/operation.ts';

const UNNAMED = 'a'.repeat(64);
const found: Inspected = {
  Id: '0123456789abcdef',
  Name: '/shop-backing-db-1',
  Image: 'sha256:one',
  Config: {
    Image: 'r.test/db@sha256:1',
    Cmd: ['serve'],
    Entrypoint: null,
    Env: ['PATH=/bin', 'PASSWORD=hunter2', 'OLD=1'],
    Labels: {},
  },
  HostConfig: { Binds: ['shop_data:/data:rw'], Memory: 5 },
  Mounts: [
    { Type: 'volume', Name: 'shop_data', Source: '/v', Destination: '/data', RW: true },
    { Type: 'volume', Name: UNNAMED, Source: '/w', Destination: '/cache', RW: true },
    { Type: 'bind', Source: '/opt/shop/backing/files/init.js', Destination: '/init.js', RW: false },
  ],
  NetworkSettings: { Networks: { shop: { Aliases: ['shop-backing-db-1', 'db', '0123456789ab'] } } },
};
const wanted = {
  image: 'r.test/db@sha256:1',
  command: ['serve'],
  entrypoint: null,
  environment: { PASSWORD: 'hunter2', OLD: '1' },
  volumes: [
    { type: 'volume', source: 'data', target: '/data' },
    { type: 'bind', source: '/opt/shop/backing/files/init.js', target: '/init.js', read_only: true },
  ],
};
const known = { wantedImage: null, imageEnv: ['PATH=/bin'] };

describe('a backing service against what is described', () => {
  it('is no different where everything is as described; volumes without a name are its own', () => {
    expect(compareContainer(wanted, found, known)).toEqual([]);
    // The same image under another name.
    const renamed = { ...wanted, image: 'other.test/db@sha256:1' };
    expect(compareContainer(renamed, found, { ...known, wantedImage: 'sha256:one' })).toEqual([]);
  });

  it('differs by image, command, mounts and names of the environment; values are never shown', () => {
    const other = {
      image: 'r.test/db@sha256:2',
      command: ['serve', '--fast'],
      environment: { PASSWORD: 'other-secret', NEW: 'n' },
      volumes: [{ type: 'volume', source: 'logs', target: '/logs' }],
    };
    const what = compareContainer(other, found, known);
    expect(what).toEqual([
      'image: r.test/db@sha256:1 → r.test/db@sha256:2',
      'command: changed',
      'environment: PASSWORD has another value',
      'environment: NEW is new',
      'environment: OLD goes',
      'mount: /logs is new',
      'mount: /data goes',
    ]);
    expect(what.join()).not.toMatch(/hunter2|other-secret/);
    const writable = wanted.volumes.map((volume) => ({ ...volume, read_only: false }));
    expect(compareContainer({ ...wanted, volumes: writable }, found, known)).toEqual(['mount: /init.js is another']);
  });

  it('reads the files that are its own, as volumes and as configs', () => {
    const file = (name: string) => ({ source: `files/${name}`, target: `/t/${name}` });
    const text = `
services:
  db: {volumes: [{type: bind, source: /t/init.js, target: /i}], configs: [{source: conf, target: /c}]}
  other: {volumes: [{type: bind, source: /t/other, target: /o}]}
configs: {conf: {file: /t/db.conf}}`;
    const rendered = { text, files: [file('init.js'), file('db.conf'), file('other')] };
    expect(filesOf(rendered, 'db').map(({ source }) => source)).toEqual(['files/init.js', 'files/db.conf']);
    expect(parseHashes(`db ${'0'.repeat(64)}\nnoise\n`)).toEqual(new Map([['db', '0'.repeat(64)]]));
  });

  it('is made again exactly as it was, with its volumes', () => {
    expect(remakeOf(found)).toMatchObject({
      Image: 'r.test/db@sha256:1',
      Env: found.Config.Env,
      HostConfig: { Memory: 5, Binds: ['shop_data:/data:rw', `${UNNAMED}:/cache`] },
      NetworkingConfig: { EndpointsConfig: { shop: { Aliases: ['shop-backing-db-1', 'db'] } } },
    });
    // As compose asks for a volume without a name: by its place.
    const mounts = [{ Type: 'volume', Target: '/cache' }];
    expect(remakeOf({ ...found, HostConfig: { ...found.HostConfig, Mounts: mounts } })).toMatchObject({
      HostConfig: {
        Binds: ['shop_data:/data:rw'],
        Mounts: [{ Type: 'volume', Source: UNNAMED, Target: '/cache' }],
      },
    });
  });
});

describe('applying', () => {
  it('goes by the dependencies, then by the file', () => {
    const sealed = 'services: {app: {depends_on: [db]}, cache: {}, db: {depends_on: {disk: {}}}, disk: {}}';
    const change = (service: string) => ({ service, action: 'recreate' as const, what: [] });
    expect(inOrder(['app', 'cache', 'db', 'disk'].map(change), sealed).map(({ service }) => service)).toEqual([
      'disk',
      'db',
      'app',
      'cache',
    ]);
  });

  it('ends as failed once something was touched, else as refused', () => {
    const report = { outcome: null, migrated: false, switched: false };
    const error = { step: 'backing' as const, code: 'backing', message: '' };
    expect(decideOutcome('backing', report, null)).toBe('applied');
    expect(decideOutcome('backing', report, error)).toBe('refused');
    expect(decideOutcome('backing', { ...report, backing: [{} as never] }, error)).toBe('failed');
  });

  it('says what visitors noticed: from the first failure to the first sound answer after the last', () => {
    const sample = (askedAt: number, sound: boolean) => ({ askedAt, endedAt: askedAt + 5, sound });
    const samples = [sample(0, true), sample(10, false), sample(20, true), sample(30, false), sample(40, true)];
    expect(blipOf(samples)).toEqual({ ms: 35, failed: 2, probes: 5 });
    expect(blipOf(samples.slice(0, 1))).toEqual({ ms: 0, failed: 0, probes: 1 });
    expect(blipOf(samples.slice(0, 2))).toEqual({ ms: 5, failed: 1, probes: 2 });
    expect(blipOf([])).toEqual({ ms: 0, failed: 0, probes: 0 });
  });

  it('is shown to people by what differs', () => {
    expect(backingRows([])).toEqual([['backing', 'none']]);
    expect(backingRows([{ service: 'db', action: 'keep', what: [] }])).toEqual([['backing', 'as described']]);
    expect(backingRows([{ service: 'db', action: 'recreate', what: ['image: a → b'] }])).toEqual([
      ['backing', 'db: recreate: image: a → b'],
    ]);
  });
});
