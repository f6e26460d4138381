import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bridgeAssets, sweepAssets } from '../src/assets.ts';
import { DockerError } from '../src/docker/engine.ts';
import type { Paths } from '../src/paths.ts';
import { forgetRelease } from '../src/store.ts';
import { deployed, digestOf, newHost, store } from './host.ts';

type Tree = Record<string, string | { type: string }>;

let root: string;
let paths: Paths;
/** Files below /app/static by image. */
let images: Record<string, Tree>;
let read: string[];

beforeEach(() => {
  ({ root, paths } = newHost());
  images = {};
  read = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const imageOf = (letter: string): string => `registry.test/shop/web@${digestOf(letter)}`;

/** Stores a release with the image of this letter and brings its files along. */
async function bridge(release: string, letter: string, options: { live?: boolean } = {}): Promise<number> {
  const image = imageOf(letter);
  const sealed = `
x-release: {app: shop}
services:
  web:
    image: ${image}
    x-release: {role: web, port: 3000, routes: [{host: shop.test}], assets: [/app/static]}
`;
  const manifest = store(paths, release, { services: { web: { role: 'web', image, platforms: [] } } }, sealed);
  const docker = {
    readArchive: async (
      reference: string,
      from: string,
      each: (entry: object, content: () => Promise<Buffer>) => Promise<void>,
    ) => {
      read.push(reference);
      const tree = images[reference];
      if (tree === undefined || from !== '/app/static') throw new DockerError(404, 'no such path');
      await each({ path: 'static/', type: 'directory', size: 0 }, () => Promise.resolve(Buffer.alloc(0)));
      for (const [name, content] of Object.entries(tree)) {
        const type = typeof content === 'string' ? 'file' : content.type;
        const data = Buffer.from(typeof content === 'string' ? content : '');
        await each({ path: `static/${name}`, type, size: data.length }, () => Promise.resolve(data));
      }
    },
  };
  const added = await bridgeAssets({ paths, docker } as never, manifest, sealed);
  if (options.live !== false) deployed(paths, release, 'blue');
  return added;
}
const onDisk = (): string[] =>
  readdirSync(join(paths.assets, 'web/app/static'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(paths.assets, 'web/app/static').length + 1))
    .sort();

describe('hashed files', () => {
  it('of each release stay beside those of the next', async () => {
    images = {
      [imageOf('a')]: { 'app.1.js': 'one', 'fonts/x.woff2': 'font' },
      [imageOf('b')]: { 'app.2.js': 'two', 'fonts/x.woff2': 'font' },
    };
    expect(await bridge('r1', 'a')).toBe(2);
    expect(await bridge('r2', 'b')).toBe(1);
    expect(onDisk()).toEqual(['app.1.js', 'app.2.js', 'fonts/x.woff2']);
    expect(readFileSync(join(paths.assets, 'web/app/static/app.2.js'), 'utf8')).toBe('two');
    expect(existsSync(join(paths.assets, '.staging'))).toBe(false);
  });

  it('are not read again for a release that has its list, nor for an image that another release has', async () => {
    images = { [imageOf('a')]: { 'app.1.js': 'one' } };
    await bridge('r1', 'a');
    await bridge('r1', 'a');
    await bridge('r2', 'a');
    expect(read).toHaveLength(1);
    forgetRelease(paths, 'r1');
    expect(sweepAssets(paths)).toBe(0);
    expect(onDisk()).toEqual(['app.1.js']);
  });

  it('that change under the same name refuse the release before its pages or those of before get the wrong one', async () => {
    images = { [imageOf('a')]: { 'app.js': 'one' }, [imageOf('b')]: { 'app.js': 'two' } };
    await bridge('r1', 'a');
    await expect(bridge('r2', 'b')).rejects.toMatchObject({ code: 'asset_changed' });
    await expect(bridge('r2', 'b')).rejects.toThrow(
      'assets: /app/static of service web: app.js has other content in release r1',
    );
    expect(readFileSync(join(paths.assets, 'web/app/static/app.js'), 'utf8')).toBe('one');
  });

  it('of a release that never went live stand in nobody’s way', async () => {
    images = { [imageOf('a')]: { 'app.js': 'one' }, [imageOf('b')]: { 'app.js': 'two' } };
    await bridge('r1', 'a', { live: false });
    await bridge('r2', 'b');
    expect(readFileSync(join(paths.assets, 'web/app/static/app.js'), 'utf8')).toBe('two');
  });

  it('go with the last release that has them, and the mounted directory stays', async () => {
    images = {
      [imageOf('a')]: { 'app.1.js': 'one', 'old/only.js': 'x', 'both.js': 'both' },
      [imageOf('b')]: { 'app.2.js': 'two', 'both.js': 'both' },
      [imageOf('c')]: {},
    };
    await bridge('r1', 'a');
    await bridge('r2', 'b');
    expect(sweepAssets(paths)).toBe(0);
    forgetRelease(paths, 'r1');
    expect(sweepAssets(paths)).toBe(2);
    expect(onDisk()).toEqual(['app.2.js', 'both.js']);
    expect(existsSync(join(paths.assets, 'web/app/static/old'))).toBe(false);
    await bridge('r3', 'c');
    forgetRelease(paths, 'r2');
    sweepAssets(paths);
    expect(onDisk()).toEqual([]);
    forgetRelease(paths, 'r3');
    sweepAssets(paths);
    expect(existsSync(paths.assets)).toBe(false);
  });

  it('are not swept while a kept release has no list', async () => {
    images = { [imageOf('a')]: { 'app.1.js': 'one' }, [imageOf('b')]: { 'app.2.js': 'two' } };
    await bridge('r1', 'a');
    await bridge('r2', 'b');
    forgetRelease(paths, 'r1');
    rmSync(join(paths.releases, 'r2/assets.json'));
    expect(sweepAssets(paths)).toBe(0);
    expect(onDisk()).toEqual(['app.1.js', 'app.2.js']);
  });

  it.each([
    ['a link', { 'a.js': { type: 'symlink' } }, 'asset_refused'],
    ['a way out', { '../../x': 'y' }, 'asset_refused'],
    ['a file instead of a directory', { '': 'x' }, 'asset_missing'],
  ])('are refused as %s', async (_, tree, code) => {
    images = { [imageOf('a')]: tree };
    await expect(bridge('r1', 'a')).rejects.toMatchObject({ code });
  });

  it('that are not in the image are missed by name', async () => {
    await expect(bridge('r1', 'a')).rejects.toThrow('assets: /app/static of service web: is not in its image');
  });
});
