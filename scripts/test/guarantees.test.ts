import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');

interface Row {
  number: number;
  promise: string;
  files: string[];
  tests: string[];
}

/** The rows of the tables in docs/guarantees.md; several tests of one promise are separated by `<br>`. */
function rows(): Row[] {
  const text = readFileSync(join(root, 'docs/guarantees.md'), 'utf8');
  return [...text.matchAll(/^\| +(\d+) +\| (.+?) +\| (.+?) +\| (.+?) +\|$/gm)].map(
    ([, number, promise, files, tests]) => ({
      number: Number(number),
      promise: promise ?? '',
      files: (files ?? '').split('<br>').map((file) => file.replaceAll('`', '')),
      tests: (tests ?? '').split('<br>'),
    }),
  );
}

/** What cannot be shown on a test machine, or is no part of the design. Nothing may be added here for being hard. */
const WITHOUT_TEST = [23, 26, 66, 70, 71, 72];
/** Promises of provisioning that come with its next step. */
const LATER = [58, 59, 60, 62, 63];
/** Promises that are being built right now. */
const OPEN: number[] = [];

/** Whether a file has a test, a group or a case of a table with exactly this name. */
function names(file: string, test: string): boolean {
  const text = readFileSync(join(root, file), 'utf8').replaceAll("\\'", "'");
  return ["'", '"', '`'].some((quote) => text.includes(`${quote}${test}${quote}`));
}

describe('docs/guarantees.md', () => {
  const all = rows();

  it('has each of the 72 promises once, in order', () => {
    expect(all.map(({ number }) => number)).toEqual(Array.from({ length: 72 }, (_, index) => index + 1));
    for (const { promise } of all) expect(promise).not.toMatch(/#\d|\b[A-Z]{2}:/);
  });

  it.each(all.filter(({ files }) => files[0] !== '—').map((row) => [row.number, row] as const))(
    'promise %d is shown by tests that exist',
    (_, { files, tests }) => {
      expect(files).toHaveLength(tests.length);
      for (const [index, file] of files.entries()) {
        expect(file).toMatch(/\/test\/(.+\/)?[\w-]+\.test\.ts$/);
        expect({ file, there: existsSync(join(root, file)) }).toEqual({ file, there: true });
        const test = tests[index] ?? '';
        expect({ file, test, there: names(file, test) }).toEqual({ file, test, there: true });
      }
    },
  );

  it('says why for each promise without a test, and has no other such than those that may', () => {
    const without = all.filter(({ files }) => files[0] === '—');
    const numbers = without.map(({ number }) => number);
    expect(numbers.filter((number) => ![...WITHOUT_TEST, ...LATER, ...OPEN].includes(number))).toEqual([]);
    expect(OPEN.filter((number) => !numbers.includes(number))).toEqual([]);
    for (const { tests } of without) expect(tests[0]).toMatch(/^(none|open).*: .{10,}/);
  });
});
