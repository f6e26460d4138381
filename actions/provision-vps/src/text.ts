import { foreignLines } from '@delivery/runner';

/** What the server said, harmless for the log, as one line. */
export function oneLine(text: string): string {
  return foreignLines(text.trim(), '')
    .map((line) => line.slice(2))
    .join(' / ');
}
