import { describe, expect, it } from '@jest/globals';
import { InputError, readInputs, redact, type InputReader } from '../src/index.ts';
import { printed, withInputs } from './stdout.ts';

/** Reads one input of the given text. */
function read<T>(value: string, reader: (input: InputReader) => T): T {
  return withInputs({ 'the-input': value }, () => readInputs(reader));
}

const DIGEST = `sha256:${'0a'.repeat(32)}`;

describe('readers take', () => {
  const cases: [string, string, (input: InputReader) => unknown, unknown][] = [
    ['text, without the blanks around it', '  a b ', (input) => input.text('the-input'), 'a b'],
    ['text that is left out', '', (input) => input.text('the-input', { fallback: 'x' }), 'x'],
    ['optional text that is left out', ' ', (input) => input.optional('the-input'), null],
    ['a number', '42', (input) => input.int('the-input', { min: 0, max: 99 }), 42],
    ['a number that is left out', '', (input) => input.int('the-input', { fallback: 7, min: 0, max: 99 }), 7],
    ['a boolean', 'True', (input) => input.bool('the-input', false), true],
    ['a boolean that is left out', '', (input) => input.bool('the-input', true), true],
    ['a choice', 'acme', (input) => input.choice('the-input', ['files', 'acme']), 'acme'],
    ['a choice that is left out', '', (input) => input.choice('the-input', ['files', 'acme'], 'files'), 'files'],
    ['a host name', 'web-1.example.org', (input) => input.host('the-input'), 'web-1.example.org'],
    ['an IPv6 address in brackets', '[2001:db8::1]', (input) => input.host('the-input'), '2001:db8::1'],
    ['a bare IPv6 address', '2001:db8::1', (input) => input.host('the-input'), '2001:db8::1'],
    ['a port', '2222', (input) => input.port('the-input', 22), 2222],
    ['a user', 'deploy_1', (input) => input.user('the-input'), 'deploy_1'],
    ['a block as it is', ' a\r\nb \n', (input) => input.block('the-input'), ' a\r\nb \n'],
    ['a relative path', 'app/compose.yaml', (input) => input.path('the-input'), 'app/compose.yaml'],
    ['pairs', '# note\n\nA=1\r\nB_2= x = y \n', (input) => input.pairs('the-input'), { A: '1', B_2: 'x = y' }],
    ['no pairs', '', (input) => input.pairs('the-input'), {}],
    [
      'a release by digest',
      `127.0.0.1:5000/group/app@${DIGEST}`,
      (input) => input.digestRef('the-input'),
      { ref: `127.0.0.1:5000/group/app@${DIGEST}`, repository: '127.0.0.1:5000/group/app', digest: DIGEST },
    ],
    [
      'a URL',
      'https://example.org:8443/health?x=1',
      (input) => input.url('the-input').href,
      'https://example.org:8443/health?x=1',
    ],
    ['a URL that is left out', '', (input) => input.optionalUrl('the-input'), null],
  ];
  it.each(cases)('%s', (_name, value, reader, expected) => {
    expect(read(value, reader)).toEqual(expected);
  });
});

describe('readers refuse, naming the input', () => {
  const cases: [string, string, (input: InputReader) => unknown, RegExp][] = [
    ['missing text', '', (input) => input.text('the-input'), /found nothing; allowed: .*required/],
    ['a line break in text', 'a\nb', (input) => input.text('the-input'), /line breaks/],
    [
      'text that is too long',
      'x'.repeat(2000),
      (input) => input.text('the-input'),
      /2000 characters; allowed: at most 1024/,
    ],
    [
      'a number with a tail',
      '10abc',
      (input) => input.int('the-input', { min: 0, max: 99 }),
      /"10abc"; allowed: a whole number from 0 to 99/,
    ],
    ['a negative number', '-1', (input) => input.int('the-input', { min: 0, max: 99 }), /"-1"/],
    ['a number out of range', '100', (input) => input.int('the-input', { min: 0, max: 99 }), /"100"/],
    ['a fraction', '1.5', (input) => input.int('the-input', { min: 0, max: 99 }), /"1.5"/],
    ['a missing number', '', (input) => input.int('the-input', { min: 0, max: 99 }), /found nothing/],
    ['a boolean with a typo', 'ture', (input) => input.bool('the-input', false), /"ture"; allowed: true or false/],
    ['another choice', 'none', (input) => input.choice('the-input', ['files', 'acme']), /"none"; allowed: files, acme/],
    ['a host with port', 'example.org:22', (input) => input.host('the-input'), /without user, port/],
    ['a host with user', 'root@example.org', (input) => input.host('the-input'), /host name/],
    ['a host that is an option', '-oProxyCommand=x', (input) => input.host('the-input'), /host name/],
    ['a user with shell text', 'deploy; id', (input) => input.user('the-input'), /user name/],
    ['port 0', '0', (input) => input.port('the-input'), /from 1 to 65535/],
    ['an absolute path', '/etc/passwd', (input) => input.path('the-input'), /relative path/],
    ['a path upwards', 'a/../../b', (input) => input.path('the-input'), /relative path/],
    ['a release by tag', 'example.org/app:latest', (input) => input.digestRef('the-input'), /without a tag/],
    [
      'a release by tag and digest',
      `example.org/app:1@${DIGEST}`,
      (input) => input.digestRef('the-input'),
      /without a tag/,
    ],
    ['a release without registry', `app@${DIGEST}`, (input) => input.digestRef('the-input'), /registry host/],
    ['a short digest', 'example.org/app@sha256:abc', (input) => input.digestRef('the-input'), /64 hex/],
    ['another scheme', 'ftp://example.org', (input) => input.url('the-input'), /http/],
    ['a URL with credentials', 'https://user:canary@example.org', (input) => input.url('the-input'), /credentials/],
    ['a pair without =', 'canary', (input) => input.pairs('the-input'), /no "=" in line 1/],
    ['a pair with a bad name', 'A=1\nb-c=canary', (input) => input.pairs('the-input'), /line 2/],
    ['a pair twice', 'A=1\nA=canary', (input) => input.pairs('the-input'), /A a second time/],
    ['a secret of several lines', 'canary\ncanary', (input) => input.secret('the-input'), /several lines/],
    ['a missing secret', '', (input) => input.secret('the-input', { required: true }), /found nothing/],
  ];
  it.each(cases)('%s', async (_name, value, reader, message) => {
    let error: unknown;
    await printed(() => {
      try {
        read(value, reader);
      } catch (thrown) {
        error = thrown;
      }
    });
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toContain('"the-input"');
    expect((error as Error).message).not.toMatch(/canary|\n/);
  });
});

describe('readInputs', () => {
  it('reports all problems at once, in one line', () => {
    const act = (): unknown =>
      withInputs({ a: 'x', b: '99999' }, () =>
        readInputs((input) => [input.int('a', { min: 0, max: 1 }), input.port('b'), input.text('c')]),
      );
    expect(act).toThrow(/"a".* \| .*"b".* \| .*"c"/);
  });

  it('masks secrets whole and line by line, but neither short ones nor the frame of a key', async () => {
    const key =
      '-----BEGIN OPENSSH PRIVATE KEY-----\nfirst-secret-line\nsecond-secret-line\n-----END OPENSSH PRIVATE KEY-----\n';
    const lines = await printed(() =>
      withInputs({ key, word: 'a-secret-word', pairs: 'A=pair-secret\nB=1' }, () =>
        readInputs((input) => [
          input.block('key', { secret: true }),
          input.secret('word'),
          input.pairs('pairs', { secret: true }),
        ]),
      ),
    );
    const masks = lines.map((line) => line.replace('::add-mask::', ''));
    expect(masks).toEqual(
      expect.arrayContaining(['first-secret-line', 'second-secret-line', 'a-secret-word', 'pair-secret']),
    );
    expect(masks).not.toContain('1');
    expect(masks).not.toContain('');
    expect(masks).not.toContain('-----BEGIN OPENSSH PRIVATE KEY-----');
    expect(redact('x pair-secret y second-secret-line')).toBe('x *** y ***');
  });
});
