import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { fingerprint, readPins } from '../src/index.ts';
import { makeKey } from './keys.ts';

const publicKey = (type: 'ed25519' | 'ecdsa'): string =>
  (type === 'ed25519' ? makeKey('ed25519') : makeKey('ecdsa', { bits: 256 })).public.trim();
const blob = (line: string): Buffer => Buffer.from(line.split(' ')[1] ?? '', 'base64');

const ed = publicKey('ed25519');
const ecdsa = publicKey('ecdsa');
const other = publicKey('ed25519');
const print = fingerprint(blob(ed));

const hashed = (label: string): string => {
  const salt = Buffer.from('0123456789abcdef0123');
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(label).digest('base64')}`;
};

describe('fingerprint', () => {
  it('is what ssh-keygen -lf prints', () => {
    const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
    // GitHub's published host key and fingerprint.
    expect(fingerprint(Buffer.from(key, 'base64'))).toBe('SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU');
  });
});

describe('readPins takes', () => {
  const cases: [string, string, number][] = [
    ['a plain line', `example.org ${ed}`, 22],
    ['a list of names', `web,example.org,10.0.0.1 ${ed} comment here`, 22],
    ['a port', `[example.org]:2222 ${ed}`, 2222],
    ['a line without port for another port, as OpenSSH does', `example.org ${ed}`, 2222],
    ['a hashed name', `${hashed('example.org')} ${ed}`, 22],
    ['a hashed name with port', `${hashed('[example.org]:2222')} ${ed}`, 2222],
    ['a wildcard', `*.org ${ed}`, 22],
    ['capitals', `Example.ORG ${ed}`, 22],
    ['CRLF, comments and empty lines', `# from the console\r\n\r\nexample.org ${ed}\r\n`, 22],
    ['the public key alone', ed, 22],
    ['lines of other hosts beside it', `other.org ${other}\nexample.org ${ed}`, 22],
  ];
  it.each(cases)('%s', (_name, text, port) => {
    expect(readPins(text, 'example.org', port)).toEqual({
      trusted: new Set([print]),
      revoked: new Set(),
      types: ['ssh-ed25519'],
    });
  });

  it('several types', () => {
    const pins = readPins(`example.org ${ed}\nexample.org ${ecdsa}`, 'example.org', 22);
    expect(pins.types).toEqual(['ssh-ed25519', 'ecdsa-sha2-nistp256']);
    expect(pins.trusted.size).toBe(2);
  });

  it.each([print, `${print}=`, `256 ${print} root@web (ED25519)`])('the fingerprint %s', (text) => {
    expect(readPins(text, 'example.org', 22)).toMatchObject({ trusted: new Set([print]), types: null });
  });

  it('@revoked beside a pin', () => {
    const pins = readPins(`@revoked * ${other}\nexample.org ${ed}`, 'example.org', 22);
    expect(pins.revoked).toEqual(new Set([fingerprint(blob(other))]));
  });

  it('only the line with the port where there is one', () => {
    const pins = readPins(`example.org ${other}\n[example.org]:2222 ${ed}`, 'example.org', 2222);
    expect(pins.trusted).toEqual(new Set([print]));
  });
});

describe('readPins refuses', () => {
  const cases: [string, string, RegExp][] = [
    ['nothing', '', /empty.*ssh-keygen -lf/],
    ['only comments', '# example.org', /empty/],
    ['another host', `other.org ${ed}`, /no line for example\.org \(found: other\.org\)/],
    ['a negated pattern', `*,!example.org ${ed}`, /no line for example\.org/],
    ['prose', 'trust me', /line 1 is neither/],
    ['a key that is cut short', `example.org ssh-ed25519 AAAAC3Nz`, /line 1 .*cut short/],
    ['a key of another type than it says', `example.org ssh-rsa ${ed.split(' ')[1] ?? ''}`, /does not fit its type/],
    ['a fingerprint that is cut short', print.slice(0, 30), /line 1 is neither/],
    ['a certificate authority', `@cert-authority * ${ed}`, /not supported/],
  ];
  it.each(cases)('%s', (_name, text, message) => {
    expect(() => readPins(text, 'example.org', 22)).toThrow(message);
  });
});
