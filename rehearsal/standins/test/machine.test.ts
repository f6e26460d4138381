import { describe, expect, it } from '@jest/globals';
import { recipeKey } from '../cache.ts';
import { firstProxy, newEnough } from '../go.ts';
import { aptSources, maySetResources, parseMirror, parseResolvers } from '../machine.ts';

describe('the Debian mirror of the machine', () => {
  it('is read from both formats of source files', () => {
    const deb822 = 'Types: deb\n# http://old.example/debian\nURIs: http://mirror.example/debian\nSuites: bookworm\n';
    const oneLine =
      'deb [arch=amd64 signed-by=/x.gpg] https://mirror.example/debian-security/ bookworm-security main\n';
    expect(parseMirror(deb822 + oneLine)).toEqual({
      archive: 'http://mirror.example/debian',
      security: 'https://mirror.example/debian-security',
    });
  });

  it('is left to the installer where the machine names none, as on Ubuntu', () => {
    expect(parseMirror('deb http://mirror.example/ubuntu noble main')).toBeNull();
    expect(aptSources(null)).toBe('');
  });

  it('becomes sources with security updates', () => {
    expect(aptSources({ archive: 'http://a/debian', security: 'http://a/debian-security' })).toContain(
      'deb http://a/debian-security trixie-security main\n',
    );
  });
});

describe('resolvers', () => {
  it('are those that a container can reach', () => {
    expect(parseResolvers('search x\nnameserver 127.0.0.53\nnameserver 192.0.2.7\n#nameserver 192.0.2.8\n')).toEqual([
      '192.0.2.7',
    ]);
  });
});

describe('the right to raise limits', () => {
  it.each([
    ['000001ffffffffff', true],
    ['000001fffeffffff', false],
  ])('of bounding set %s is %s', (set, expected) => {
    expect(maySetResources(`CapEff:\t0000000000000000\nCapBnd:\t${set}\n`)).toBe(expected);
  });
});

describe('the key of a recipe', () => {
  it('tells lists of parts apart that read alike when joined', () => {
    expect(recipeKey('ab', 'c')).not.toBe(recipeKey('a', 'bc'));
    expect(recipeKey('a')).toMatch(/^[0-9a-f]{12}$/);
  });
});

describe('Go', () => {
  it.each([
    ['go version go1.26.8 linux/amd64', true],
    ['go version go1.25.0 linux/amd64', true],
    ['go version go1.19.8 linux/amd64', false],
    ['', false],
  ])('of %j is new enough: %s', (output, expected) => {
    expect(newEnough(output)).toBe(expected);
  });

  it('comes from the first proxy that is one', () => {
    expect(firstProxy('direct')).toBeNull();
    expect(firstProxy('off|https://go.example/,direct')).toBe('https://go.example');
  });
});
