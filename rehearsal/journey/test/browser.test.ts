import { describe, expect, it } from '@jest/globals';
import { resolverRules } from '../browser.ts';

describe('resolverRules', () => {
  it('sends a name to an address, with the same or another port', () => {
    expect(resolverRules('tutor.test:443:127.0.0.1')).toEqual([
      '--host-resolver-rules=MAP tutor.test:443 127.0.0.1:443',
    ]);
    expect(resolverRules('tutor.test:443:127.0.0.1:8443')).toEqual([
      '--host-resolver-rules=MAP tutor.test:443 127.0.0.1:8443',
    ]);
  });

  it('needs nothing where the name resolves by itself', () => {
    expect(resolverRules(undefined)).toEqual([]);
    expect(resolverRules('')).toEqual([]);
  });

  it.each(['tutor.test', 'tutor.test:443', 'a b:443:127.0.0.1', 'tutor.test:443:127.0.0.1, MAP * evil'])(
    'refuses %j',
    (text) => {
      expect(() => resolverRules(text)).toThrow('resolve must be');
    },
  );
});
