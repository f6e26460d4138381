import { appendFile } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';
import { redact } from './mask.ts';

/** GitHub drops a summary of more than 1 MiB as a whole. */
const MAX_BYTES = 1024 * 1024 - 4096;

export interface TimedStep {
  name: string;
  status: 'ok' | 'failed' | 'skipped' | 'running';
  /** Milliseconds since the first step began. */
  startMs: number;
  endMs: number;
  message?: string | undefined;
}

/** Foreign text inside Markdown: no HTML, no links, no images, no mentions, no table cells of its own; one line. */
export function escapeMarkdown(text: string): string {
  return redact(text)
    .replace(/[\r\n]+/g, ' ')
    .replace(/\p{Cc}/gu, '')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/[\\`*_{}[\]()#+!|~$@:]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A table; the cells are foreign text and are escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(' | ')} |`;
  return [line(head), `|${head.map(() => ' --- |').join('')}`, ...rows.map(line)].join('\n');
}

/** Preformatted foreign text. HTML instead of a fence, because no fence is safe against text that contains it. */
export function preformatted(lines: readonly string[]): string {
  const text = stripVTControlCharacters(redact(lines.join('\n')))
    .replace(/[^\P{Cc}\n\t]/gu, '')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    // An empty line would end the HTML block and let Markdown in again.
    .replace(/\n(?=\n)/g, '\n ');
  return `<pre><code>${text}\n</code></pre>`;
}

export function details(title: string, body: string): string {
  return `<details><summary>${escapeMarkdown(title)}</summary>\n\n${body}\n\n</details>`;
}

/** The steps on a time line, drawn by GitHub from Mermaid text. */
export function timeline(title: string, steps: readonly TimedStep[]): string {
  const plain = (text: string): string => text.replace(/[^A-Za-z0-9 ._-]/g, ' ').trim();
  const rows = steps
    .filter((step) => step.status !== 'skipped')
    .map((step) => {
      const start = Math.round(step.startMs);
      // Mermaid does not draw a bar without length.
      const end = Math.max(Math.round(step.endMs), start + 1);
      return `    ${plain(step.name)} ${end - start} ms :${step.status === 'failed' ? 'crit' : 'done'}, ${start}, ${end}`;
    });
  return [
    '```mermaid',
    'gantt',
    `    title ${plain(title)}`,
    '    dateFormat x',
    '    axisFormat %M:%S.%L',
    ...rows,
    '```',
  ].join('\n');
}

/** Appends parts of Markdown to the job summary; nothing happens where there is none. What exceeds the limit is cut with a note. */
export async function writeSummary(parts: readonly string[]): Promise<void> {
  const file = process.env['GITHUB_STEP_SUMMARY'];
  if (!file) return;
  await appendFile(file, fit(parts), 'utf8');
}

/** Joins whole parts up to the size limit, so that no cut goes through a table or a tag. */
export function fit(parts: readonly string[], maxBytes = MAX_BYTES): string {
  let text = '';
  for (const part of parts) {
    const next = `${redact(part)}\n\n`;
    if (Buffer.byteLength(text) + Buffer.byteLength(next) > maxBytes)
      return `${text}_Cut: the summary would have been too long._\n`;
    text += next;
  }
  return text;
}
