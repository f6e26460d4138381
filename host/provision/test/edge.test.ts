import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { sharedCertificate, staticConfig } from '../edge.ts';
import { edgeCompose, launcher } from '../files.ts';
import { parseLine, renderScript } from '../script.ts';

describe("the edge's static configuration", () => {
  it('has the resolver that routes ask for, with the address, where certificates come by ACME', () => {
    const config = parse(staticConfig({ mode: 'acme', email: 'me@example.org' })) as Record<string, unknown>;
    expect(config).toMatchObject({ certificatesResolvers: { acme: { acme: { email: 'me@example.org' } } } });
    expect(config).toHaveProperty('entryPoints.websecure');
  });

  it('has none where they come from files', () => {
    expect(parse(staticConfig({ mode: 'files', certificate: '', key: '' }))).not.toHaveProperty(
      'certificatesResolvers',
    );
  });

  it("keeps another app's resolver where this app's certificate comes from files", () => {
    const config = parse(staticConfig({ mode: 'files', certificate: '', key: '' }, 'first@example.org')) as object;
    expect(config).toMatchObject({ certificatesResolvers: { acme: { acme: { email: 'first@example.org' } } } });
  });

  it('gives the edge no way to Docker', () => {
    expect(edgeCompose).not.toContain('docker.sock');
    expect(staticConfig({ mode: 'files', certificate: '', key: '' })).not.toMatch(/^ {2}docker:/m);
  });
});

it('comes with the launcher', () => {
  expect(launcher).toMatch(/^#!\/bin\/sh\n/);
});

describe('the certificate that all apps of a host shared once', () => {
  let base: string;
  const opt = (path: string): string => join(base, 'opt', path);
  const put = (path: string, text = ''): void => {
    mkdirSync(join(opt(path), '..'), { recursive: true });
    writeFileSync(opt(path), text);
  };
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'shared-'));
    put('edge/.env');
    put('shop/.env');
    put(
      'edge/dynamic/tls.yaml',
      'tls:\n  certificates:\n    - certFile: /opt/edge/certs/tls.crt\n'.replace('/opt', opt('')),
    );
    put('edge/certs/tls.crt');
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  function migrate(): string {
    const { check, apply, ...task } = sharedCertificate('shop');
    const moved = (text: string): string => text.replaceAll('/opt/', opt('') + '/');
    const { stdout } = spawnSync('sh', ['-s'], {
      input: renderScript([{ ...task, check: moved(check), apply: moved(apply) }], 'true', { memory: base }),
      encoding: 'utf8',
    });
    const line = parseLine(stdout.split('\n')[0] ?? '');
    return line?.kind === 'task' ? `${line.status} ${line.message}`.trim() : stdout;
  }

  it('goes when this app was the only one', () => {
    expect(migrate()).toMatch(/^changed/);
    expect(existsSync(opt('edge/dynamic/tls.yaml'))).toBe(false);
    expect(existsSync(opt('edge/certs/tls.crt'))).toBe(false);
    expect(migrate()).toBe('ok');
  });

  it('stays while another app has nothing else, and goes when that has its own', () => {
    put('blog/.env');
    expect(migrate()).toBe('ok kept: blog has no certificate of its own yet');
    expect(existsSync(opt('edge/dynamic/tls.yaml'))).toBe(true);
    put('edge/dynamic/blog.tls.yaml');
    expect(migrate()).toMatch(/^changed/);
  });

  it('does not wait for an app whose certificate comes by ACME, and leaves the route file of an app called tls alone', () => {
    put('blog/.env');
    put('edge/dynamic/blog.yaml', 'tls: {certResolver: acme}');
    expect(migrate()).toMatch(/^changed/);
    put('edge/dynamic/tls.yaml', 'http: {}');
    expect(migrate()).toBe('ok');
    expect(existsSync(opt('edge/dynamic/tls.yaml'))).toBe(true);
  });
});
