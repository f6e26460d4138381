import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseManifest, type Manifest } from '@delivery/release';
import type { Release } from './world.ts';

export const hexOf = (number: number): string => number.toString(16).padStart(64, '0');
export const imageOf = (number: number): string => `registry.test/team/web@sha256:${hexOf(0xa000 + number)}`;

/** The n-th release of the app "shop": two web containers and a worker, with a setting and a secret of its own. */
export function releaseOf(number: number, more: Partial<Manifest> = {}, settings = `v${String(number)}`): Release {
  const image = imageOf(number);
  const id = `r${String(number)}`;
  const platforms = ['linux/amd64'];
  const sealed = `x-release: {app: shop}
services:
  web:
    image: ${image}
    environment: {SETTING: ${settings}, KEY: '\${KEY:-none}'}
    x-release: {role: web, port: 3000, replicas: 2, routes: [{host: shop.test}], health: {consecutive: 1}}
  mail:
    image: ${image}
    x-release: {role: worker}
`;
  const manifest = parseManifest(
    JSON.stringify({
      format: 1,
      app: 'shop',
      release: id,
      commit: hexOf(number).slice(-7),
      created: new Date(Date.UTC(2026, 0, 1, 0, number)).toISOString(),
      version: '1',
      services: { web: { role: 'web', image, platforms, replicas: 2 }, mail: { role: 'worker', image, platforms } },
      routes: [{ service: 'web', host: 'shop.test', path: '/', port: 3000 }],
      health: { web: { consecutive: 1, deadlineSeconds: 1 } },
      schema: { before: 0, after: 0, oldestCompatible: null },
      secrets: [],
      agent: { minimum: '0.1.0' },
      files: { 'compose.yaml': `sha256:${sha256(sealed)}` },
      ...more,
    }),
  );
  return { id, digest: `sha256:${hexOf(number)}`, manifest, sealed };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Fresh host directories; `root` is to be removed after the test. */
export function newRoot(): string {
  const root = fs.mkdtempSync(join(tmpdir(), 'agent-world-'));
  for (const part of ['shop/runs', 'edge/dynamic', 'edge/staging']) fs.mkdirSync(join(root, part), { recursive: true });
  fs.writeFileSync(join(root, 'edge/dynamic/tls.yaml'), '');
  return root;
}
