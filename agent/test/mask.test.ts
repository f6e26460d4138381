import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { masker } from '../src/mask.ts';

describe('masker', () => {
  it('takes secrets out in the forms in which they travel', () => {
    const secret = 'pa$$ "word"/1';
    const mask = masker([secret]);
    const forms = [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64'),
      Buffer.from(secret).toString('base64url'),
    ];
    for (const form of forms) expect(mask(`before ${form} after`)).toBe('before *** after');
  });

  it('takes out each line of a multi-line secret', () => {
    const mask = masker(['-----BEGIN KEY-----\nabcdef\n-----END KEY-----']);
    expect(mask('found abcdef here')).toBe('found *** here');
  });

  it('leaves values alone that are too short to be secrets, and the text without any', () => {
    expect(masker(['1', 'on', ''])('1 on')).toBe('1 on');
  });

  it('leaves no secret of four characters or more in any text', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9]{4,20}$/),
        fc.string(),
        fc.string(),
        (secret, before, after) => !masker([secret])(`${before}${secret}${after}`).includes(secret),
      ),
    );
  });
});
