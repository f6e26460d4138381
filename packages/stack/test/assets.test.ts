import { describe, expect, it } from '@jest/globals';
import { parseCompose, releaseAssets, renderColour, seal } from '@delivery/stack';
import { parse } from 'yaml';
import { imageOf, manifestOf, RELEASE } from './sample.ts';

const file = (assets: string, more = ''): string => `x-release: { app: shop }
services:
  web:
    image: local/web
    ${more}
    x-release: { role: web, port: 3000, replicas: 2, routes: [{ host: shop.example }], assets: ${assets} }
`;

describe('assets', () => {
  it('are mounted read-only in every replica of both colours, from one directory of the host', () => {
    const sealed = seal({
      composeText: file('[/app/.next/static]', "volumes: ['up:/up:ro']") + 'volumes: {up: {}}',
      variables: {},
      images: { web: imageOf('a') },
      release: RELEASE,
    });
    const manifest = manifestOf(sealed);
    for (const colour of ['blue', 'green'] as const) {
      const { services } = parse(renderColour({ sealed: sealed.text, manifest, colour }).text) as {
        services: Record<string, { volumes: unknown[] }>;
      };
      for (const name of ['web-1', 'web-2'])
        expect(services[name]?.volumes[1]).toEqual({
          type: 'bind',
          source: '/opt/shop/assets/web/app/.next/static',
          target: '/app/.next/static',
          read_only: true,
          bind: { create_host_path: false },
        });
    }
    expect(releaseAssets({ sealed: sealed.text, manifest })).toEqual([
      { service: 'web', image: imageOf('a'), path: '/app/.next/static' },
    ]);
  });

  it.each(['app', '/', '/app/', '//app', '/app/../etc', '/app/./x', '/$' + '{X}', '/a b', '/a:b'])(
    'are refused as %j',
    (path) => {
      expect(() => parseCompose(file(JSON.stringify([path])))).toThrow(/x-release: assets/);
    },
  );

  it.each([
    ['a directory in another one', '[/app/static, /app/static/js]', ''],
    ['a directory twice', '[/app/static, /app/static]', ''],
    ['what a volume is mounted over', '[/app/static]', "volumes: ['x:/app:ro']"],
    ['what has a volume in it', '[/app/static]', "volumes: ['x:/app/static/x:ro']"],
    ['what a tmpfs is mounted over', '[/app/static]', 'tmpfs: [/app]'],
  ])('are refused as %s', (_, assets, more) => {
    expect(() => parseCompose(file(assets, more))).toThrow(/service web: assets .*lie in each other/);
  });

  it('beside other mounts are allowed', () => {
    expect(() => parseCompose(file('[/app/static]', "volumes: ['x:/app/static-other:ro']"))).not.toThrow();
  });
});
