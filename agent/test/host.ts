import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseManifest, type Colour, type Manifest, type NewLedgerEntry } from '@delivery/release';
import { renderRoute } from '@delivery/stack';
import { hostPaths } from '../src/paths.ts';
import type { Paths } from '../src/paths.ts';
import { appendLedger } from '../src/steps/record.ts';
import { writeRelease } from '../src/store.ts';

export const digestOf = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** The release image that a release of these tests came from. */
export const imageOf = (release: string): string => digestOf(release === 'r1' ? 'c' : 'e');

export const SEALED = `
x-release: {app: shop}
services:
  web:
    image: registry.test/shop/web@${digestOf('a')}
    x-release:
      {role: web, port: 3000, routes: [{host: shop.test}], health: {}}
`;

/** Host directories of the app "shop" in a fresh temporary directory; `root` is to be removed after the test. */
export function newHost(): { root: string; paths: Paths } {
  const root = mkdtempSync(join(tmpdir(), 'agent-'));
  const paths = hostPaths('shop', root);
  for (const directory of [paths.app, paths.dynamic, paths.staging, paths.runs])
    mkdirSync(directory, { recursive: true });
  return { root, paths };
}

export function manifestOf(release: string, overrides: Partial<Manifest> = {}): Manifest {
  return parseManifest(
    JSON.stringify({
      format: 1,
      app: 'shop',
      release,
      commit: 'abcdef0',
      created: '2026-01-01T00:00:00Z',
      version: '1',
      services: { web: { role: 'web', image: `registry.test/shop/web@${digestOf('a')}`, platforms: ['linux/amd64'] } },
      routes: [{ service: 'web', host: 'shop.test', path: '/', port: 3000 }],
      health: { web: {} },
      schema: { before: 0, after: 0, oldestCompatible: null },
      secrets: [],
      agent: { minimum: '0.1.0' },
      files: { 'compose.yaml': digestOf('b') },
      ...overrides,
    }),
  );
}

export function store(paths: Paths, release: string, overrides: Partial<Manifest> = {}, sealed = SEALED): Manifest {
  const manifest = manifestOf(release, overrides);
  const files = new Map([
    ['manifest.json', Buffer.from(JSON.stringify(manifest))],
    ['compose.yaml', Buffer.from(sealed)],
  ]);
  writeRelease(paths, release, imageOf(release), files);
  return manifest;
}

export function routeTo(paths: Paths, release: string, colour: Colour, generation: number): string {
  const text = renderRoute({ manifest: manifestOf(release), colour, generation, tls: 'files' });
  writeFileSync(paths.route, text);
  return text;
}

export function deployed(paths: Paths, release: string, colour: Colour, overrides: Partial<NewLedgerEntry> = {}): void {
  appendLedger(paths, {
    t: '2026-01-01T00:00:00Z',
    verb: 'deploy',
    outcome: 'deployed',
    release,
    digest: imageOf(release),
    colour,
    previous: null,
    generation: 1,
    actor: '',
    run: '',
    operation: `op-${release}`,
    secrets: {},
    durationMs: 1,
    ...overrides,
  });
}
