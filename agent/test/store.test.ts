import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { releaseDirectory } from '../src/paths.ts';
import type { Paths } from '../src/paths.ts';
import { readReleaseOf, writeRelease } from '../src/store.ts';
import { digestOf, manifestOf, newHost, SEALED } from './host.ts';

let root: string;
let paths: Paths;
beforeEach(() => {
  ({ root, paths } = newHost());
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('a release that this host keeps', () => {
  beforeEach(() => {
    const files = new Map([
      ['manifest.json', Buffer.from(JSON.stringify(manifestOf('r1')))],
      ['compose.yaml', Buffer.from(SEALED)],
    ]);
    writeRelease(paths, 'r1', digestOf('c'), files, '{"bundle":1}');
  });

  it('is found by the digest of its image, with every file and its signature', () => {
    const found = readReleaseOf(paths, digestOf('c'));
    expect([...(found?.files.keys() ?? [])]).toEqual(['manifest.json', 'compose.yaml']);
    expect(found?.files.get('compose.yaml')?.toString()).toBe(SEALED);
    expect(found?.signature).toBe('{"bundle":1}');
  });

  it('is not found by another digest, nor when a part of it is gone', () => {
    expect(readReleaseOf(paths, digestOf('d'))).toBeNull();
    rmSync(join(releaseDirectory(paths, 'r1'), 'compose.yaml'));
    expect(readReleaseOf(paths, digestOf('c'))).toBeNull();
  });
});
