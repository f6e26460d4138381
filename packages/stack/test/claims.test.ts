import { describe, expect, it } from '@jest/globals';
import { clash, namesOverlap, readClaims } from '../src/index.ts';
import type { Claims } from '../src/index.ts';

const claims = (...routes: [string, string, number?][]): Claims => ({
  routes: routes.map(([host, path, priority]) => ({ host, path, priority: priority ?? path.length })),
  routers: [],
});

describe('what a route file claims', () => {
  it('is read from files written by hand too', () => {
    const text = `
http:
  routers:
    a: {rule: "Host(\`A.test\`, \`b.test\`) && PathPrefix(\`/api/\`)", service: x, priority: 7}
    b: {rule: "Host(\`c.test\`)", service: x}
    c: {rule: "PathPrefix(\`/any\`)", service: x}
`;
    expect(readClaims(text)).toEqual({
      routes: [
        { host: 'a.test', path: '/api', priority: 7 },
        { host: 'b.test', path: '/api', priority: 7 },
        { host: 'c.test', path: '/', priority: 14 },
      ],
      routers: ['a', 'b', 'c'],
    });
  });

  it('is nothing for a file without routers, and an error for one that is no YAML', () => {
    expect(readClaims('tls: {certificates: []}')).toEqual({ routes: [], routers: [] });
    expect(() => readClaims('http: {routers: {')).toThrow(/route file/);
  });
});

describe('two claims', () => {
  it.each<[string, Claims, Claims, RegExp]>([
    ['the same host', claims(['a.test', '/']), claims(['a.test', '/']), /a\.test\//],
    ['one of several', claims(['x.test', '/'], ['a.test', '/api']), claims(['a.test', '/api']), /a\.test\/api/],
    ['a shorter path before a longer one', claims(['a.test', '/', 9]), claims(['a.test', '/api']), /would take/],
    ['the same with the sides changed', claims(['a.test', '/api']), claims(['a.test', '/', 4]), /would take/],
  ])('cannot both be served: %s', (_what, mine, theirs, told) => {
    expect(clash(mine, theirs)).toMatch(told);
  });

  it.each<[string, Claims, Claims]>([
    ['other hosts', claims(['a.test', '/']), claims(['b.test', '/'])],
    ['a path below another one', claims(['a.test', '/api']), claims(['a.test', '/'])],
    ['a path that only begins alike', claims(['a.test', '/apix', 1]), claims(['a.test', '/api', 9])],
  ])('can: %s', (_what, mine, theirs) => {
    expect(clash(mine, theirs)).toBeNull();
  });

  it('of the same router name cannot: the edge would take one of the two without a word', () => {
    const own = { routes: [], routers: ['shop-api-web-0'] };
    expect(clash(own, { routes: [], routers: ['shop-api-web-0'] })).toMatch(/shop-api-web-0/);
  });
});

it('knows the app names that would give projects and networks of the same name', () => {
  expect(namesOverlap('shop', 'shop-blue')).toBe(true);
  expect(namesOverlap('shop-backing', 'shop')).toBe(true);
  expect(namesOverlap('shop', 'shop-blue-web')).toBe(true);
  expect(namesOverlap('shop', 'shop-bluebell')).toBe(false);
  expect(namesOverlap('shop', 'shop-api')).toBe(false);
});
