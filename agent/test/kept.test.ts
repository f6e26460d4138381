import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseKept } from '@delivery/release';
import type { Manifest } from '@delivery/release';
import { DockerError } from '../src/docker/engine.ts';
import { requireImages } from '../src/images.ts';
import { keepImages } from '../src/kept.ts';
import type { Paths } from '../src/paths.ts';
import type { Run } from '../src/run.ts';
import { prune } from '../src/steps/prune.ts';
import { readTruth } from '../src/truth.ts';
import { notesOn, wayBack } from '../src/way-back.ts';
import { deployed, manifestOf, newHost, routeTo, store } from './host.ts';

let root: string;
let paths: Paths;
beforeEach(() => {
  ({ root, paths } = newHost());
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const image = (name: string): string => `registry.test/${name}@sha256:${'a'.repeat(64)}`;
const web = (name: string): Partial<Manifest> => ({
  services: { web: { role: 'web', image: image(name), platforms: ['linux/amd64'] } },
});

/** A Docker with these images and these pins; notes what is removed and pinned. */
function docker(here: string[], pins: { app: string; image: string }[] = []) {
  const done = { removed: [] as string[], pinned: [] as string[], unpinned: [] as string[] };
  const api = {
    imageId: (reference: string) => Promise.resolve(here.includes(reference) ? 'id' : null),
    containers: ([label = '']: string[]) =>
      Promise.resolve(
        pins
          .filter(({ app }) => label === 'delivery.pin' || label === `delivery.pin=${app}`)
          .map((pin, index) => ({
            id: String(index),
            labels: { 'delivery.pin': pin.app, 'delivery.image': pin.image },
          })),
      ),
    createPin: (name: string, reference: string, labels: Record<string, string>) => {
      if (!/^pin-[a-z]+-[0-9a-f]{12}$/.test(name)) return Promise.reject(new Error(`pin named ${name}`));
      if (!here.includes(reference)) return Promise.reject(new DockerError(404, 'no such image'));
      done.pinned.push(`${String(labels['delivery.pin'])} ${reference}`);
      return Promise.resolve();
    },
    remove: (id: string) => Promise.resolve(void done.unpinned.push(id)),
    removeImage: (reference: string) => Promise.resolve(void done.removed.push(reference)),
  };
  return { api: api as unknown as Run['docker'], done };
}

const warnings: string[] = [];
const events = {
  log: (level: string, text: string) => void warnings.push(`${level} ${text}`),
} as unknown as Run['events'];
const run = (api: Run['docker']): Pick<Run, 'app' | 'paths' | 'docker' | 'events'> => ({
  app: 'shop',
  paths,
  docker: api,
  events,
});
const kept = (app: string, ...images: string[]): void => {
  mkdirSync(paths.kept, { recursive: true });
  writeFileSync(join(paths.kept, `${app}.json`), JSON.stringify({ format: 1, app, images }));
};

/** r0 never went live, so the next prune forgets it. */
function host(): void {
  store(paths, 'r0', web('old'));
  store(paths, 'r1', web('first'));
  store(paths, 'r2', web('second'));
  deployed(paths, 'r1', 'blue');
  deployed(paths, 'r2', 'green');
}

describe('an image that several apps have', () => {
  it('goes with the last of them', async () => {
    host();
    const { api, done } = docker([image('old'), image('first'), image('second')]);
    kept('blog', image('old'));
    await prune(run(api), readTruth(paths).ledger, []);
    expect(done.removed).toEqual([]);
    store(paths, 'r0', web('old'));
    kept('blog');
    await prune(run(api), readTruth(paths).ledger, []);
    expect(done.removed).toEqual([image('old')]);
  });

  it('stays for the pin of an app that has not said what it needs', async () => {
    host();
    const { api, done } = docker([image('old'), image('first')], [{ app: 'blog', image: image('old') }]);
    await prune(run(api), readTruth(paths).ledger, []);
    expect(done.removed).toEqual([]);
  });

  it('stays where what another app says cannot be read', async () => {
    host();
    const { api, done } = docker([image('old')]);
    kept('blog');
    writeFileSync(join(paths.kept, 'blog.json'), '{');
    await expect(prune(run(api), readTruth(paths).ledger, [])).rejects.toThrow(/kept/);
    expect(done.removed).toEqual([]);
  });

  it('is said to be needed before it is pulled, and no longer when its release is forgotten', async () => {
    host();
    const { api } = docker([]);
    const said = (): string[] => parseKept(readFileSync(join(paths.kept, 'shop.json'), 'utf8')).images;
    await keepImages({ app: 'shop', paths }, manifestOf('r9', web('new')));
    expect(said()).toEqual([image('new')]);
    await prune(run(api), readTruth(paths).ledger, []);
    expect(said()).toEqual([image('first'), image('second')]);
  });
});

describe('images that somebody removed', () => {
  it('are told by a deploy, which pins the rest, the agent and the edge included', async () => {
    host();
    writeFileSync(join(paths.edge, 'agent'), `${image('agent')}\n`);
    writeFileSync(join(paths.edge, '.env'), `EDGE_IMAGE=${image('edge')}\n`);
    const { api, done } = docker(
      [image('second'), image('agent'), image('edge')],
      [{ app: 'edge', image: image('edge') }],
    );
    warnings.length = 0;
    const { lost } = await prune(run(api), readTruth(paths).ledger, []);
    expect(lost).toEqual(['r1']);
    expect(warnings.join()).toMatch(/warning release r1 cannot be started again.*system prune/);
    expect(done.pinned).toEqual([`shop ${image('second')}`, `edge ${image('agent')}`]);
    expect(done.unpinned).toEqual([]);
  });

  it('refuse a rollback, which names the latest release that can still run', async () => {
    store(paths, 'r1', web('first'));
    store(paths, 'r2', web('second'));
    store(paths, 'r3', web('third'));
    for (const [index, release] of ['r1', 'r2', 'r3'].entries())
      deployed(paths, release, index % 2 === 0 ? 'blue' : 'green', { generation: index + 1 });
    const { api } = docker([image('first'), image('third')]);
    await expect(requireImages({ paths, docker: api }, manifestOf('r2', web('second')))).rejects.toThrow(
      /r2: the image of web .* is no longer on this host; release r1 can still run/,
    );
    const none = docker([image('third')]);
    await expect(requireImages({ paths, docker: none.api }, manifestOf('r2', web('second')))).rejects.toThrow(
      /no other release can run/,
    );
  });

  it('are in the status', async () => {
    host();
    routeTo(paths, 'r2', 'green', 2);
    const { api } = docker([image('second'), image('old')]);
    const { releases, notes } = await wayBack(paths, api, { release: 'r2' });
    expect(Object.fromEntries((releases ?? []).map(({ release, images }) => [release, images]))).toEqual({
      r0: 'here',
      r1: 'gone',
      r2: 'here',
    });
    expect(notes?.join('\n')).toMatch(/no way back to r1[^]*system prune -a would take the way back to r0/);
  });

  it('of the running release are a note of their own, and nothing is said where nothing can be lost', () => {
    expect(notesOn([{ release: 'r1', images: 'gone', missing: ['x'] }], 'r1')).toEqual([
      expect.stringMatching(/running release r1/),
    ]);
    expect(notesOn([{ release: 'r1', images: 'here', missing: [] }], 'r1')).toEqual([]);
  });

  it('cannot be looked for where Docker does not answer, and the status still comes', async () => {
    host();
    const broken = { imageId: () => Promise.reject(new Error('Docker does not answer')) };
    expect(await wayBack(paths, broken, null)).toEqual({ notes: [expect.stringMatching(/does not answer/)] });
  });
});
