import { describe, expect, it } from '@jest/globals';
import { bakeArguments, imageLabels, readDigests, type BakeRequest } from '../src/arguments.ts';

const DIGEST = `sha256:${'1'.repeat(64)}`;
const REQUEST: BakeRequest = {
  projectionFile: '/t/bake.yaml',
  metadataFile: '/t/bake.json',
  targets: [
    { target: 'web', service: 'web', repository: 'registry.example/o/app-web' },
    { target: 'a_b', service: 'a.b', repository: 'registry.example/o/app-a.b' },
  ],
  release: '20260101T000000Z-abcdef0',
  labels: { 'org.opencontainers.image.revision': 'abcdef0' },
  buildSecrets: { npm: '/run/npmrc' },
  cache: { from: { folder: '/c/old', targets: ['web'] }, to: '/c/new' },
  builder: { fullStore: true },
};

const sets = (args: string[]): string[] => args.filter((_, index) => args[index - 1] === '--set');

describe('the arguments of bake', () => {
  it('name each target, its tag, push, labels, secrets by path and cache', () => {
    const args = bakeArguments(REQUEST);
    expect(args.slice(-2)).toEqual(['web', 'a_b']);
    expect(sets(args).filter((set) => set.startsWith('web.'))).toEqual([
      'web.tags=registry.example/o/app-web:20260101T000000Z-abcdef0',
      'web.output=type=image,push=true',
      'web.labels.org.opencontainers.image.revision=abcdef0',
      'web.secrets=id=npm,src=/run/npmrc',
      'web.cache-from=type=local,src=/c/old/web',
      'web.cache-to=type=local,dest=/c/new/web,mode=max,ignore-error=true',
    ]);
    expect(sets(args)).not.toContain('a_b.cache-from=type=local,src=/c/old/a_b');
  });

  it('keep no layers where all of them were read', () => {
    const cache = { from: { folder: '/c/old', targets: ['web'] }, to: null };
    expect(sets(bakeArguments({ ...REQUEST, cache })).filter((set) => set.includes('cache'))).toEqual([
      'web.cache-from=type=local,src=/c/old/web',
    ]);
  });

  it('ask for provenance only where the store can hold it', () => {
    expect(bakeArguments(REQUEST)).toContain('--provenance=mode=min');
    expect(bakeArguments({ ...REQUEST, builder: { fullStore: false } })).toContain('--provenance=false');
  });
});

it("labels with the commit's time, and without a repository where none is known", () => {
  const source = { commit: 'a'.repeat(40), committed: '2026-01-01T00:00:00Z', repository: '' };
  expect(imageLabels(source, '1.2.3')).toEqual({
    'org.opencontainers.image.revision': source.commit,
    'org.opencontainers.image.version': '1.2.3',
    'org.opencontainers.image.created': '2026-01-01T00:00:00Z',
  });
});

describe("bake's metadata", () => {
  it('gives each target its digest', () => {
    expect(
      readDigests(JSON.stringify({ web: { 'containerimage.digest': DIGEST }, 'buildx.build.ref': 'x' }), ['web']),
    ).toEqual({ web: DIGEST });
  });

  it.each([{}, { web: {} }, { web: { 'containerimage.digest': 'sha256:1' } }])(
    'is refused without one: %j',
    (metadata) => {
      expect(() => readDigests(JSON.stringify(metadata), ['web'])).toThrow(/"web"/);
    },
  );
});
