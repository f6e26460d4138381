import { stripVTControlCharacters } from 'node:util';
import { redact } from './mask.ts';

/**
 * Makes foreign text harmless for the log: a line of it must not be able to drive the runner. `::command::` counts only at the start of a line,
 * hence the prefix; the older `##[command]` counts anywhere, hence the blank. Control characters (colours, cursor movements) are dropped.
 */
export function foreignLines(text: string, prefix = '  '): string[] {
  return redact(text)
    .split(/\r\n|\n|\r/)
    .map((line) => {
      const plain = stripVTControlCharacters(line.replace(/\t/g, '  ')).replace(/\p{Cc}/gu, '');
      return `${prefix}| ${plain.replaceAll('##[', '## [')}`;
    });
}

/** Milliseconds for people: `312 ms`, `4.2 s`, `2 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
