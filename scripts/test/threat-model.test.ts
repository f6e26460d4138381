import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8').replaceAll("\\'", "'");

describe('docs/threat-model.md', () => {
  const shown = [...read('docs/threat-model.md').matchAll(/`([\w/.-]+\.test\.ts)`: (.+?) +\|$/gm)].map(
    ([, file, test]) => [file ?? '', test ?? ''] as const,
  );

  it.each(shown)('%s: %s is there', (file, test) => {
    const text = read(file);
    expect({ test, there: ["'", '"', '`'].some((quote) => text.includes(`${quote}${test}${quote}`)) }).toEqual({
      test,
      there: true,
    });
  });

  it('shows a test for each answer to both adversaries', () => {
    expect(shown.length).toBeGreaterThan(15);
  });
});
