import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { diagnoseKey } from '../src/index.ts';
import { makeKey } from './keys.ts';

const pem = { type: 'pkcs1', format: 'pem' } as const;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = makeKey('ed25519');
const PASSPHRASE = 'correct horse';

const KEYS: [name: string, text: string, type: string][] = [
  ['ed25519', ed.private, 'ssh-ed25519'],
  ['RSA in the OpenSSH format', makeKey('rsa', { bits: 2048 }).private, 'ssh-rsa'],
  ['RSA in PEM', rsa.privateKey.export(pem) as string, 'ssh-rsa'],
  ['ECDSA 256', makeKey('ecdsa', { bits: 256 }).private, 'ecdsa-sha2-nistp256'],
  ['ECDSA 384', makeKey('ecdsa', { bits: 384 }).private, 'ecdsa-sha2-nistp384'],
  ['ECDSA 521', makeKey('ecdsa', { bits: 521 }).private, 'ecdsa-sha2-nistp521'],
  ['ECDSA in PEM', ec.privateKey.export({ type: 'sec1', format: 'pem' }) as string, 'ecdsa-sha2-nistp256'],
];

const TAKEN: [form: string, change: (text: string) => string][] = [
  ['as it is', (text) => text],
  ['CRLF', (text) => text.replace(/\n/g, '\r\n')],
  ['no final newline', (text) => text.trimEnd()],
  ['CRLF and no final newline', (text) => text.trimEnd().replace(/\n/g, '\r\n')],
  ['a byte order mark', (text) => `\uFEFF${text}`],
  ['a blank first line', (text) => `\n${text}`],
  ['blank lines at the end', (text) => `${text}\n\n`],
];

const lineOf = (text: string, index: number): string => text.split('\n')[index] ?? '';

const REFUSED: [form: string, change: (text: string) => string, reason: RegExp][] = [
  ['spaces for newlines', (text) => text.trim().replace(/\n/g, ' '), /one single line/],
  ['indentation', (text) => text.replace(/^(?=.)/gm, '  '), /indented/],
  ['trailing blanks', (text) => text.replace(/\n/g, ' \n'), /end with blanks/],
  ['the end cut off', (text) => text.slice(0, text.length / 2), /cut short|damaged/],
  ['no last line', (text) => text.trim().split('\n').slice(0, -1).join('\n'), /last line/],
  ['no first line', (text) => text.split('\n').slice(1).join('\n'), /first line/],
  ['a line lost in the middle', (text) => text.replace(`${lineOf(text, 2)}\n`, ''), /damaged/],
  ['base64 of the key', (text) => Buffer.from(text).toString('base64'), /base64/],
  ['literal \\n', (text) => text.replace(/\n/g, '\\n'), /\\n/],
  ['lone carriage returns', (text) => text.replace(/\n/g, '\r'), /carriage return/],
  ['text before', (text) => `SSH_KEY=\n${text}`, /before/],
  ['text after', (text) => `${text}me@laptop\n`, /after/],
  ['two keys', (text) => text + text, /2 private keys/],
];

describe.each(KEYS)('%s', (_name, text, type) => {
  it.each(TAKEN)('is taken with %s', (_form, change) => {
    expect(diagnoseKey(change(text))).toMatchObject({ ok: true, type });
  });

  it.each(REFUSED)('is refused with %s', (_form, change, reason) => {
    const diagnosis = diagnoseKey(change(text));
    expect(diagnosis).toEqual({ ok: false, reason: expect.stringMatching(reason), repair: expect.any(String) });
    const body = text.split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'));
    for (const line of body) expect(JSON.stringify(diagnosis)).not.toContain(line.slice(0, 20));
  });
});

describe('what is no private key', () => {
  const cases: [string, string, RegExp][] = [
    ['nothing', '', /empty/],
    ['blanks', ' \n\t\n', /empty/],
    ['a public key', ed.public, /public key/],
    ['any text', 'hunter2-canary', /not a private key/],
    ['PuTTY', 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n', /PuTTY/],
    ['a certificate', '-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----\n', /not a private key/],
  ];
  it.each(cases)('%s', (_name, text, reason) => {
    const diagnosis = diagnoseKey(text);
    expect(diagnosis).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
    expect(JSON.stringify(diagnosis)).not.toContain('canary');
  });
});

describe('PKCS#8', () => {
  const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
  const encrypted = { ...pkcs8, cipher: 'aes-256-cbc', passphrase: PASSPHRASE } as const;
  const ed25519 = generateKeyPairSync('ed25519').privateKey;
  const cases: [string, string, RegExp][] = [
    ['RSA', rsa.privateKey.export(pkcs8) as string, /^convert it .*ssh-keygen -p -f/],
    ['ECDSA', ec.privateKey.export(pkcs8) as string, /^convert it .*ssh-keygen -p -f/],
    ['ed25519', ed25519.export(pkcs8) as string, /^make a new one: ssh-keygen -t ed25519/],
    ['encrypted', ed25519.export(encrypted) as string, /^convert it .*; where that fails, make a new one/],
  ];
  it.each(cases)('is refused with what repairs it: %s', (_name, text, repair) => {
    expect(diagnoseKey(text, PASSPHRASE)).toEqual({
      ok: false,
      reason: expect.stringContaining('PKCS#8'),
      repair: expect.stringMatching(repair),
    });
  });

  it('is turned into a form that is taken by the command that is named', () => {
    const directory = mkdtempSync(join(tmpdir(), 'key-'));
    try {
      const file = join(directory, 'key');
      writeFileSync(file, rsa.privateKey.export(pkcs8), { mode: 0o600 });
      execFileSync('ssh-keygen', ['-q', '-p', '-N', '', '-f', file]);
      expect(diagnoseKey(readFileSync(file, 'utf8'))).toMatchObject({ ok: true, type: 'ssh-rsa' });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('passphrases', () => {
  const encrypted: [string, string][] = [
    ['OpenSSH', makeKey('ed25519', { passphrase: PASSPHRASE, cipher: 'aes256-ctr', rounds: 4 }).private],
    ['PEM', rsa.privateKey.export({ ...pem, cipher: 'aes-128-cbc', passphrase: PASSPHRASE }) as string],
  ];
  it.each(encrypted)('%s', (_name, text) => {
    expect(diagnoseKey(text, PASSPHRASE)).toMatchObject({ ok: true });
    expect(diagnoseKey(text)).toMatchObject({ ok: false, reason: expect.stringMatching(/passphrase and none/) });
    const wrong = diagnoseKey(text, 'wrong-canary');
    expect(wrong).toMatchObject({ ok: false, reason: expect.stringMatching(/passphrase does not open/) });
    expect(JSON.stringify(wrong)).not.toContain('canary');
  });

  it('does not mind a passphrase that is not needed', () => {
    expect(diagnoseKey(ed.private, PASSPHRASE)).toMatchObject({ ok: true });
  });
});
