import { describe, expect, it } from '@jest/globals';
import { compareReleases } from '@delivery/stack';
import { IMAGES, imageOf, manifestOf, SAMPLE, sealSample } from './sample.ts';

const OTHER = '20260202T000000Z-abcdef1';

describe('one release against another', () => {
  const sealed = sealSample();
  const before = { sealed: sealed.text, manifest: manifestOf(sealed) };

  it('is the same where only the place of its files differs', () => {
    const again = sealSample({ release: OTHER });
    expect(compareReleases(before, { sealed: again.text, manifest: manifestOf(again, OTHER) })).toEqual({
      added: [],
      changed: [],
      removed: [],
      same: 5,
    });
  });

  it('names what is added, removed and changed, and the keys by which', () => {
    const composeText = SAMPLE.replace('  mailer.eu:', '  mailer:').replace(
      'container_name: mongo',
      'command: [mongod]',
    );
    const images = { ...IMAGES, mailer: IMAGES['mailer.eu'], web: imageOf('d') };
    const next = sealSample({ release: OTHER, composeText, images });
    const found = compareReleases(before, { sealed: next.text, manifest: manifestOf(next, OTHER) });
    expect(found.added).toEqual([{ service: 'mailer', role: 'worker', what: [] }]);
    expect(found.removed).toEqual([{ service: 'mailer.eu', role: 'worker', what: [] }]);
    expect(found.changed).toEqual([
      { service: 'web', role: 'web', what: ['image'] },
      { service: 'mongo', role: 'backing', what: ['command', 'container_name'] },
    ]);
    expect(found.same).toBe(2);
  });

  it('sees a packed file that changed, by its digest', () => {
    const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
    const withFile = (letter: string) => {
      const manifest = {
        ...before.manifest,
        files: { ...before.manifest.files, 'files/mongo/init.js': digest(letter) },
      };
      return { ...before, manifest };
    };
    expect(compareReleases(withFile('a'), withFile('b')).changed).toEqual([
      { service: 'mongo', role: 'backing', what: ['files'] },
    ]);
    expect(compareReleases(null, before)).toMatchObject({ added: { length: 5 }, same: 0 });
  });
});
