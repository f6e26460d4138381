import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  compareSecrets,
  hashSecret,
  hashSecrets,
  mergeEnvFile,
  missingSecrets,
  parseEnvFile,
  renderEnvFile,
} from '@delivery/release';

const SALT = 'a-salt-of-sixteen-bytes';

describe('hashSecret', () => {
  it('depends on salt, name and value, and on where one ends', () => {
    const hashes = [
      hashSecret(SALT, 'AB', 'C'),
      hashSecret(SALT, 'A', 'BC'),
      hashSecret(SALT, 'A', 'C'),
      hashSecret(SALT, 'AB', ''),
      hashSecret(`${SALT}A`, 'B', 'C'),
      hashSecret(`${SALT}x`, 'AB', 'C'),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(hashSecret(SALT, 'AB', 'C')).toBe(hashes[0]);
  });

  it('refuses a short salt and a wrong name, without the value', () => {
    expect(() => hashSecret('short', 'A', 'canary')).toThrow('salt: at least 16 bytes');
    expect(() => hashSecret(SALT, 'a', 'canary')).toThrow(/^secret name "a"/);
  });
});

describe('compareSecrets', () => {
  it('names what is added, changed and removed', () => {
    const before = hashSecrets(SALT, { SAME: '1', CHANGED: '1', GONE: '1' });
    const after = hashSecrets(SALT, { SAME: '1', CHANGED: '2', NEW: '1' });
    expect(compareSecrets(before, after)).toEqual({ added: ['NEW'], changed: ['CHANGED'], removed: ['GONE'] });
  });
});

describe('missingSecrets', () => {
  it('counts an empty value as missing', () => {
    expect(missingSecrets(['C', 'A', 'B', 'toString'], { A: '', B: '1' })).toEqual(['A', 'C', 'toString']);
  });
});

describe('the .env file', () => {
  // Each line was checked with docker compose 2.26.1: `config` gives the value on the left for it, as ${NAME} and as env_file.
  it.each([
    ['plain', 'N=plain\n'],
    ['https://x.test:1/a?b', 'N="https://x.test:1/a?b"\n'],
    ['', 'N=""\n'],
    [' spaced ', 'N=" spaced "\n'],
    ['a#b #c', 'N="a#b #c"\n'],
    ['cost $5 ${X} $$', 'N="cost \\$5 \\${X} \\$\\$"\n'],
    ['"quoted"', 'N="\\"quoted\\""\n'],
    ["it's", 'N="it\'s"\n'],
    ['ends in \\', 'N="ends in \\\\"\n'],
    ['back\\nslash', 'N="back\\\\nslash"\n'],
    ['two\nlines\r\n', 'N="two\\nlines\\r\\n"\n'],
    ['é😀', 'N="é😀"\n'],
  ])('writes %j as compose reads it', (value, line) => {
    expect(renderEnvFile({ N: value })).toBe(line);
    expect(parseEnvFile(line)).toEqual({ N: value });
  });

  const values = fc.dictionary(
    fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,8}$/),
    fc
      .array(
        fc.oneof(
          fc.constantFrom('\n', '\r', '\r\n', '"', "'", '#', ' #', '$', '${A}', '\\', '\\n', ' ', '=', '\ufeff'),
          fc.string({ unit: 'grapheme' }),
        ),
      )
      .map((parts) => parts.join(''))
      .filter((value) => !value.includes('\0') && value.isWellFormed()),
  );

  it('round trips any value, one line a name', () => {
    fc.assert(
      fc.property(values, (given) => {
        const text = renderEnvFile(given);
        expect(parseEnvFile(text)).toEqual({ ...given });
        expect(text.split('\n').length - 1).toBe(Object.keys(given).length);
      }),
    );
  });

  it('merge replaces, keeps the others, and a second merge changes nothing', () => {
    fc.assert(
      fc.property(values, values, (existing, given) => {
        const text = mergeEnvFile(renderEnvFile(existing), given);
        expect(parseEnvFile(text)).toEqual({ ...existing, ...given });
        expect(mergeEnvFile(text, given)).toBe(text);
      }),
    );
  });

  it('merge keeps comments, places and other lines as they are', () => {
    const existing = "# ours\nA=1\n\nexport B = 'two' # why\nC=3 # c\nB=again\nLAST=x";
    expect(mergeEnvFile(existing, { B: 'new', NEW: 'n', ALSO: 'm' })).toBe(
      '# ours\nA=1\n\nB=new\nC=3 # c\nLAST=x\nALSO=m\nNEW=n\n',
    );
  });

  it('reads what people write', () => {
    const text =
      '\ufeff# comment\r\nA=plain # note\r\nB=\'single $X \\n\'\nC="double \\"x\\" $$ \\t"\nexport D=4\nE: yaml\nF=\nG=\'two\nlines\'\nA=last\n';
    expect(parseEnvFile(text)).toEqual({
      A: 'last',
      B: 'single $X \\n',
      C: 'double "x" $ \t',
      D: '4',
      E: 'yaml',
      F: '',
      G: 'two\nlines',
    });
  });

  it.each([
    ['A=1\n1B=canary\n', 'line 2'],
    ['A\n', 'line 1: A has no value'],
    ["X='a\nb'\nA='canary", 'line 3: the quote of A is not closed'],
    ["A='canary' canary\n", 'line 1: there is text after the closing quote of A'],
    ['A=$canary\n', 'line 1: A refers to another variable'],
    ['A="${canary}"\n', 'line 1: A refers to another variable'],
  ])('refuses %j with line and name, not the value', (text, message) => {
    expect(() => parseEnvFile(text)).toThrow(message);
    expect(() => parseEnvFile(text)).not.toThrow('canary');
  });

  it('refuses to write what no environment can carry', () => {
    expect(() => renderEnvFile({ A: 'a\0b' })).toThrow('A holds a NUL');
    expect(() => renderEnvFile({ A: '\ud800' })).toThrow('A holds');
    expect(() => renderEnvFile({ 'A=B': '' })).toThrow('name "A=B"');
    expect(() => renderEnvFile({ 'A\nB': '' })).toThrow('name "A\\nB"');
  });
});
