import type { LogLine } from '@delivery/release';
import { redact } from '../mask.ts';
import { details, preformatted, type TimedStep } from '../summary.ts';

const LINES = 30;
const LINE_CHARACTERS = 1000;

/**
 * Whether what is live says something about a deploy that failed. Before the switch it is the release of before, which nothing has happened to;
 * the release that did not make it has given its last lines with its failure.
 */
export function touchedVisitors(steps: readonly TimedStep[]): boolean {
  return steps.some(({ name, status }) => name === 'route' && status !== 'skipped');
}

/** The last lines of the live release for the summary; each is masked before it is cut, so that no half of a secret is left. */
export function lastLines(lines: readonly LogLine[], live: string | null): string[] {
  if (lines.length === 0) return [];
  const shown = lines.slice(-LINES).map(({ t, container, text }) => {
    const clean = redact(text);
    const cut = clean.length > LINE_CHARACTERS ? `${clean.slice(0, LINE_CHARACTERS)}…` : clean;
    return `${t.slice(11, 19)} ${container}  ${cut}`;
  });
  return [
    details(`Last lines of what is live${live === null ? '' : `, release ${live}`}`, preformatted(shown)),
    'More of them, or of one service: `logs [service [lines]]` of the launcher, over the deploy key or on the host.',
  ];
}
