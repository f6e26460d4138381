import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Docker } from '../src/docker.ts';
import { keepImages } from '../src/kept.ts';
import type { Paths } from '../src/paths.ts';
import { remove as verb } from '../src/verbs/remove.ts';
import { deployed, manifestOf, newHost, routeTo, store } from './host.ts';

const WEB = `registry.test/shop/web@sha256:${'a'.repeat(64)}`;
let root: string;
let paths: Paths;
let printed: string[];
let done: string[];
let containers: { id: string; labels: Record<string, string>; running: boolean }[];
let networks: string[];

beforeEach(async () => {
  ({ root, paths } = newHost());
  mkdirSync(paths.certificates, { recursive: true });
  printed = [];
  done = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  store(paths, 'r1');
  deployed(paths, 'r1', 'blue');
  routeTo(paths, 'r1', 'blue', 1);
  writeFileSync(paths.tls, 'tls: {}');
  writeFileSync(paths.certificate, 'PEM');
  writeFileSync(join(paths.dynamic, 'blog.yaml'), 'http: {}');
  await keepImages({ app: 'shop', paths }, manifestOf('r1'));
  containers = [
    { id: 'web', labels: { 'delivery.app': 'shop' }, running: true },
    { id: 'pin', labels: { 'delivery.pin': 'shop', 'delivery.image': WEB }, running: false },
    { id: 'other', labels: { 'delivery.app': 'blog' }, running: true },
  ];
  networks = ['shop', '0-shop-blue', 'blog'];
  const of = (labels: Record<string, string>, wanted: string): boolean => {
    const [key = '', value] = wanted.split('=');
    return value === undefined ? key in labels : labels[key] === value;
  };
  jest
    .spyOn(Docker.prototype, 'containers')
    .mockImplementation(([label = '']) =>
      Promise.resolve(
        containers.filter(({ labels }) => of(labels, label)).map((each) => ({ ...each, name: each.id })) as never,
      ),
    );
  jest.spyOn(Docker.prototype, 'labelled').mockImplementation((kind) =>
    Promise.resolve(
      kind === 'volumes'
        ? [{ name: 'shop_data', labels: { 'delivery.app': 'shop' } }]
        : networks.map((name) => ({
            name,
            labels: name === '0-shop-blue' ? { 'com.docker.compose.project': 'shop-blue' } : { 'delivery.app': name },
          })),
    ),
  );
  const note =
    (what: string) =>
    (...args: unknown[]): Promise<void> => {
      const name = typeof args[0] === 'object' ? String((args[0] as { id: string }).id) : args.map(String).join(' ');
      done.push(`${what} ${name}`);
      return Promise.resolve();
    };
  jest.spyOn(Docker.prototype, 'stop').mockImplementation(note('stop') as never);
  jest.spyOn(Docker.prototype, 'remove').mockImplementation((id) => {
    containers = containers.filter((each) => each.id !== id);
    return note('remove')(id);
  });
  jest.spyOn(Docker.prototype, 'removeNamed').mockImplementation(note('remove') as never);
  jest.spyOn(Docker.prototype, 'removeImage').mockImplementation(note('image') as never);
  jest.spyOn(Docker.prototype, 'removeDirectory').mockImplementation(note('rmdir') as never);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

const call = (actor = 'root@host'): Promise<number> | number =>
  verb({ app: 'shop', paths, args: [], actor, terminal: false, envelope: () => ({}) as never });

describe('removing an app', () => {
  it('lists and changes nothing at the first call; the second one leaves nothing but the data', async () => {
    expect(await call()).toBe(1);
    expect(done).toEqual([]);
    expect(existsSync(paths.route)).toBe(true);
    expect(printed.at(-1)).toMatch(/"removed":false.*"r1".*data that would stay: volume shop_data/);

    expect(await call()).toBe(0);
    expect(done).toEqual(
      expect.arrayContaining([
        'stop web',
        'remove web',
        'remove pin',
        'remove networks shop',
        'remove networks 0-shop-blue',
        `image ${WEB}`,
        `rmdir  ${paths.app}`,
      ]),
    );
    expect(done.join()).not.toMatch(/blog|other|volumes/);
    expect(readdirSync(paths.app)).toEqual([]);
    expect(readdirSync(paths.dynamic)).toEqual(['blog.yaml']);
    expect([...readdirSync(paths.certificates), ...readdirSync(paths.kept), ...readdirSync(paths.staging)]).toEqual([]);
    expect(printed.at(-1)).toMatch(/docker volume rm shop_data.*deploy key/);
  });

  it('asks again when what it listed has changed', async () => {
    await call();
    networks.push('shop');
    store(paths, 'r2');
    expect(await call()).toBe(1);
    expect(done).toEqual([]);
  });

  it('does not ask again because Docker lists the same in another order', async () => {
    await call();
    networks.reverse();
    expect(await call()).toBe(0);
  });

  it('takes the data too where the file says so', async () => {
    writeFileSync(join(paths.app, 'remove-data'), '');
    mkdirSync(join(paths.app, 'data'));
    await call();
    expect(await call()).toBe(0);
    expect(done).toContain('remove volumes shop_data');
    expect(readdirSync(paths.app)).toEqual([]);
  });

  it('leaves an image that another app needs', async () => {
    writeFileSync(join(paths.kept, 'blog.json'), JSON.stringify({ format: 1, app: 'blog', images: [WEB] }));
    await call();
    expect(await call()).toBe(0);
    expect(done.join()).not.toContain('image');
  });

  it('waits for nobody: an operation under way is named, and over the deploy key it is refused', async () => {
    const holder = spawn('flock', ['-x', '--no-fork', paths.lock, 'sleep', '20']);
    await new Promise((resolve) => setTimeout(resolve, 200));
    writeFileSync(paths.owner, JSON.stringify({ operation: 'op-7', verb: 'deploy' }));
    expect(await call()).toBe(75);
    expect(printed.at(-1)).toMatch(/under way \(deploy op-7\)/);
    holder.kill();
    await expect(async () => call('')).rejects.toThrow(/only from a shell/);
  });
});
