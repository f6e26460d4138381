import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, watch } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Paths } from '../src/paths.ts';
import { writeRoute } from '../src/steps/route.ts';
import { readTruth } from '../src/truth.ts';
import { manifestOf, newHost, routeTo } from './host.ts';

let root: string;
let paths: Paths;
beforeEach(() => {
  ({ root, paths } = newHost());
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const green = { manifest: manifestOf('r2'), colour: 'green', generation: 2 } as const;

describe('the route file', () => {
  it('is renamed into the watched directory whole: nothing else is ever seen there, and no file is written in place', async () => {
    routeTo(paths, 'r1', 'blue', 1);
    const before = statSync(paths.route);
    const truth = readTruth(paths);
    const seen: string[] = [];
    const watcher = watch(paths.dynamic, (event, name) => seen.push(`${event} ${name ?? ''}`));
    await sleep(50);
    writeRoute({ paths }, green, truth);
    await sleep(100);
    watcher.close();
    expect(new Set(seen)).toEqual(new Set(['rename shop.yaml']));
    expect(statSync(paths.route).ino).not.toBe(before.ino);
    // A rename is only whole on one file system.
    expect(statSync(paths.staging).dev).toBe(statSync(paths.dynamic).dev);
    expect(readdirSync(paths.staging)).toEqual(['shop-before.yaml']);
  });

  it('lies in the watched directory itself: what is in a directory below is read and not watched', () => {
    mkdirSync(paths.dynamic, { recursive: true });
    writeRoute({ paths }, green, readTruth(paths));
    expect(readdirSync(paths.dynamic, { withFileTypes: true }).map((entry) => [entry.name, entry.isFile()])).toEqual([
      ['shop.yaml', true],
    ]);
  });

  it('is not touched by an operation that was planned on another generation: it has lost its turn', () => {
    routeTo(paths, 'r1', 'blue', 1);
    const planned = readTruth(paths);
    const theirs = routeTo(paths, 'r3', 'green', 2);
    expect(() => writeRoute({ paths }, { ...green, generation: 3 }, planned)).toThrow(
      expect.objectContaining({ code: 'fenced' }),
    );
    expect(readFileSync(paths.route, 'utf8')).toBe(theirs);
  });
});
