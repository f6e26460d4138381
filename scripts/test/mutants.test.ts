import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { MUTANTS } from '../mutants-list.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

describe('planted faults', () => {
  it('have names of their own', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });

  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    '%s: still fits the code, and its test is there',
    (_, mutant) => {
      const text = read(mutant.file);
      for (const [from] of mutant.edits)
        expect({ from, times: text.split(from).length - 1 }).toEqual({ from, times: 1 });
      expect(read(mutant.testFile)).toContain(mutant.test);
    },
  );
});
