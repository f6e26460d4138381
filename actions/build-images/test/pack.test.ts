import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { buildFiles, cacheKey } from '../src/cache.ts';
import { collectFiles, fileDigests, writeContext } from '../src/pack.ts';
import { imageName } from '../src/registry.ts';
import { digestFor, nameOf } from '../src/resolve.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'pack-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const file = (name: string, content = 'x'): { source: string; target: string } => {
  mkdirSync(join(base, name, '..'), { recursive: true });
  writeFileSync(join(base, name), content);
  return { source: name, target: `files/${name}` };
};

describe('files of a release', () => {
  it('are packed with everything below a directory, sorted', async () => {
    file('init/b.sql');
    file('init/a/deep.sql');
    const files = await collectFiles(base, [{ source: 'init', target: 'files/init' }, file('app.conf', 'a=b')]);
    expect(files.map(({ target }) => target)).toEqual(['files/app.conf', 'files/init/a/deep.sql', 'files/init/b.sql']);
    expect(fileDigests(files)['files/app.conf']).toMatch(/^sha256:[0-9a-f]{64}$/);
    await writeContext(join(base, 'out'), '{}', 'services: {}', files);
    expect(readdirSync(join(base, 'out')).sort()).toEqual(['compose.yaml', 'files', 'manifest.json']);
  });

  it.each([
    ['.env', 'A=b'],
    ['.env.production', 'A=b'],
    ['certs/server.key', 'x'],
    ['keys/id_ed25519', 'x'],
    ['notes.txt', 'text\n-----BEGIN OPENSSH PRIVATE KEY-----\n'],
  ])('do not hold secrets: %s', async (name, content) => {
    await expect(collectFiles(base, [file(name, content)])).rejects.toThrow(/looks like a secret/);
  });

  it('are there, are no links, and are small', async () => {
    await expect(collectFiles(base, [{ source: 'absent', target: 'files/absent' }])).rejects.toThrow(
      /"absent", which is not there/,
    );
    symlinkSync('/etc/passwd', join(base, 'link'));
    await expect(collectFiles(base, [{ source: 'link', target: 'files/link' }])).rejects.toThrow(
      /links are not followed/,
    );
    await expect(collectFiles(base, [file('big', 'x'.repeat(9 * 1024 * 1024))])).rejects.toThrow(/at most/);
  });
});

describe('images of others', () => {
  it.each([
    ['mongo:7', 'mongo'],
    ['registry.example:5000/a/b', 'registry.example:5000/a/b'],
    ['registry.example:5000/a/b:1@sha256:00', 'registry.example:5000/a/b'],
  ])('%s is %s', (image, name) => expect(nameOf(image)).toBe(name));

  it('take the digest of their own name', () => {
    const digests = ['mirror.example/mongo@sha256:11', 'mongo@sha256:22'];
    expect(digestFor('mongo:7', digests)).toBe('mongo@sha256:22');
    expect(digestFor('docker.io/library/mongo:7', digests)).toBe('mongo@sha256:22');
    expect(digestFor('redis:7', digests)).toBeNull();
  });

  it.each([
    ['Web', 'web'],
    ['a.b', 'a.b'],
    ['job_', 'job'],
    ['a-._b', 'a-b'],
  ])('a service %s has a name for registries: %s', (service, name) => expect(imageName(service)).toBe(name));
});

describe('the key of the layer cache', () => {
  it('changes with lock files and Dockerfiles and with nothing else', async () => {
    file('app/Dockerfile', 'FROM x');
    file('app/package-lock.json', '{}');
    const builds = [buildFiles({ context: 'app' }, base)].filter((found) => found !== null);
    const first = await cacheKey('app', base, builds);
    file('app/server.ts', 'new');
    expect(await cacheKey('app', base, builds)).toEqual(first);
    file('app/package-lock.json', '{"a":1}');
    const second = await cacheKey('app', base, builds);
    expect(second.key).not.toBe(first.key);
    expect(second.prefix).toBe(first.prefix);
  });

  it('leaves contexts out that are no directory here', () => {
    expect(buildFiles('https://example.org/repo.git', base)).toBeNull();
    expect(buildFiles('.', base)).toEqual({ context: base, dockerfile: join(base, 'Dockerfile') });
  });
});
