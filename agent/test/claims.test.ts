import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { renderRoute } from '@delivery/stack';
import type { Manifest } from '@delivery/release';
import { refuseClaimed } from '../src/claims.ts';
import { withHostLock } from '../src/host-lock.ts';
import type { Paths } from '../src/paths.ts';
import type { Run } from '../src/run.ts';
import { trust } from '../src/steps/confirm.ts';
import { tlsMode } from '../src/truth.ts';
import { manifestOf, newHost, routeTo } from './host.ts';

let root: string;
let paths: Paths;
let warnings: string[];
let run: Pick<Run, 'app' | 'paths' | 'events'>;

const other = (app: string, host: string, path = '/'): string =>
  renderRoute({
    manifest: { ...manifestOf('r9'), app, routes: [{ service: 'web', host, path, port: 3000 }] } as Manifest,
    colour: 'green',
    generation: 4,
    tls: 'files',
  });

beforeEach(() => {
  ({ root, paths } = newHost());
  mkdirSync(paths.certificates, { recursive: true });
  warnings = [];
  const events = { log: (_level: string, text: string) => warnings.push(text) } as unknown as Run['events'];
  run = { app: 'shop', paths, events };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('what another app of the host has', () => {
  it('is refused by the name of that app', () => {
    writeFileSync(join(paths.dynamic, 'blog.yaml'), other('blog', 'shop.test'));
    expect(() => refuseClaimed(run, manifestOf('r1'))).toThrow(/shop\.test\/.*"blog"/);
  });

  it('is refused too while that app is between two releases and may go back', () => {
    writeFileSync(join(paths.staging, 'blog-before.yaml'), other('blog', 'shop.test'));
    expect(() => refuseClaimed(run, manifestOf('r1'))).toThrow(/"blog"/);
  });

  it('does not matter where it is something else, and its own files never do', () => {
    routeTo(paths, 'r0', 'blue', 1);
    writeFileSync(paths.routeBefore, other('shop', 'shop.test'));
    writeFileSync(join(paths.dynamic, 'blog.yaml'), other('blog', 'blog.test'));
    writeFileSync(join(paths.dynamic, 'blog.tls.yaml'), 'tls: {certificates: []}\n');
    writeFileSync(join(paths.dynamic, 'api.yaml'), other('api', 'shop.test', '/api'));
    refuseClaimed(run, manifestOf('r1'));
    expect(warnings).toEqual([]);
  });

  it('is told where its file cannot be read, and does not stop this app', () => {
    writeFileSync(join(paths.dynamic, 'blog.yaml'), 'http: {');
    refuseClaimed(run, manifestOf('r1'));
    expect(warnings.join()).toMatch(/blog\.yaml/);
  });

  it('may be a name: shop and shop-blue cannot live together', () => {
    writeFileSync(join(paths.dynamic, 'shop-blue.yaml'), other('shop-blue', 'blue.test'));
    expect(() => refuseClaimed(run, manifestOf('r1', { routes: [] }))).toThrow(/shop-blue/);
  });
});

it('holds the lock of the host while it works, waits for another holder and lets it go afterwards', async () => {
  writeFileSync(paths.edgeLock, '');
  const holder = spawn('flock', ['-x', paths.edgeLock, 'sh', '-c', `sleep 0.4; echo other >>${root}/order`]);
  await new Promise((resolve) => setTimeout(resolve, 150));
  const done = await withHostLock(paths.edgeLock, 'the edge', () => {
    writeFileSync(join(root, 'order'), 'own\n', { flag: 'a' });
    return 'done';
  });
  expect(done).toBe('done');
  expect(readFileSync(join(root, 'order'), 'utf8')).toBe('other\nown\n');
  expect(await withHostLock(paths.edgeLock, 'the edge', () => 1)).toBe(1);
  holder.kill();
});

describe('the certificate of an app', () => {
  it("is its own, whatever another app's is", () => {
    writeFileSync(join(paths.dynamic, 'blog.tls.yaml'), 'tls: {}\n');
    expect(tlsMode(paths)).toBe('acme');
    writeFileSync(paths.tls, 'tls: {}\n');
    writeFileSync(paths.certificate, 'MINE');
    expect(tlsMode(paths)).toBe('files');
    expect(trust(paths)).toEqual({ ca: ['MINE'], allowPartialTrustChain: true });
    writeFileSync(join(paths.certificates, 'ca.pem'), 'AUTHORITY');
    expect(trust(paths)).toEqual({ ca: ['MINE', 'AUTHORITY'], allowPartialTrustChain: true });
  });

  it('is the one of the host where that was prepared before each app had its own', () => {
    const shared = join(paths.certificates, 'tls.crt');
    writeFileSync(join(paths.dynamic, 'tls.yaml'), `tls:\n  certificates:\n    - certFile: ${shared}\n`);
    writeFileSync(shared, 'SHARED');
    expect(tlsMode(paths)).toBe('files');
    expect(trust(paths)).toEqual({ ca: ['SHARED'], allowPartialTrustChain: true });
  });

  it('is not to be seen in the route file of an app that is called tls', () => {
    writeFileSync(join(paths.dynamic, 'tls.yaml'), other('tls', 'tls.test'));
    expect(tlsMode(paths)).toBe('acme');
  });
});
