import { describe, expect, it } from '@jest/globals';
import { checkImages, checkRepository, parsePolicy } from '@delivery/release';
import { digestOf, manifest } from './builders.ts';

describe('policy of a host', () => {
  const policy = parsePolicy('{"repository":"registry.test:5000/team"}');

  it('is read strictly', () => {
    expect(policy).toEqual({ repository: 'registry.test:5000/team', run: false });
    expect(parsePolicy('{"repository":"registry.test"}').repository).toBe('registry.test');
    for (const wrong of [
      '{}',
      '{"repository":"a/b:tag"}',
      '{"repository":"a/"}',
      '{"repository":"a/../b"}',
      '{"repository":"a","x":1}',
    ])
      expect(() => parsePolicy(wrong)).toThrow(/^policy: /);
  });

  it('allows releases of the app from its one place', () => {
    expect(() => checkRepository(policy, 'shop', 'registry.test:5000/team/shop-release')).not.toThrow();
    for (const other of [
      'evil.test/team/shop-release',
      'registry.test:5000/team/other-release',
      'registry.test:5000/team/x/shop-release',
    ])
      expect(() => checkRepository(policy, 'shop', other)).toThrow(
        /takes releases from registry\.test:5000\/team\/shop-release only/,
      );
  });

  it('allows images from elsewhere for backing services only', () => {
    const at = (image: string, role: 'web' | 'worker' | 'job' | 'backing') =>
      manifest({
        services: { app: { role, image: `${image}@${digestOf('a')}`, platforms: [] } } as never,
        routes: [],
        health: {},
      });
    expect(() => checkImages(policy, at('registry.test:5000/team/web', 'web'))).not.toThrow();
    expect(() => checkImages(policy, at('docker.io/library/redis', 'backing'))).not.toThrow();
    for (const role of ['web', 'worker', 'job'] as const)
      expect(() => checkImages(policy, at('docker.io/library/redis', role))).toThrow(
        /service app: its image docker\.io/,
      );
    expect(() => checkImages(policy, at('registry.test:5000/teammate/web', 'web'))).toThrow(/not below/);
  });
});
