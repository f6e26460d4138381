import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { staticConfig } from '../edge.ts';
import { edgeCompose, launcher } from '../files.ts';

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

  it('gives the edge no way to Docker', () => {
    expect(edgeCompose).not.toContain('docker.sock');
    expect(staticConfig({ mode: 'files', certificate: '', key: '' })).not.toMatch(/^ {2}docker:/m);
  });
});

it('comes with the launcher', () => {
  expect(launcher).toMatch(/^#!\/bin\/sh\n/);
});
