import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatEvent, type Event } from '@delivery/release';
import {
  createEventLog,
  duration,
  escapeMarkdown,
  fit,
  foreignLines,
  preformatted,
  table,
  timeline,
} from '../src/index.ts';
import { printed } from './stdout.ts';

const at = (ms: number): string => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();
const common = (ms: number) => ({ v: 1 as const, t: at(ms), op: 'op-1' });
const step = (
  ms: number,
  name: 'pull' | 'gate',
  status: 'start' | 'ok' | 'failed' | 'skipped',
  more: { ms?: number; message?: string } = {},
): string => formatEvent({ ...common(ms), event: 'step', step: name, status, ...more });
const log = (message: string): string => formatEvent({ ...common(0), event: 'log', level: 'info', message });
const result: Event = {
  ...common(900),
  event: 'result',
  outcome: 'deployed',
  running: null,
  previous: null,
  timings: { totalMs: 900 },
  receipt: null,
  error: null,
};

describe('foreignLines', () => {
  it('lets no remote text drive the runner', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            '::error::',
            '##[',
            '\n',
            '\r',
            ' ',
            '\u001B[31m',
            'add-mask',
            '::stop-commands::x',
            'a',
            '\t',
          ),
          { maxLength: 12 },
        ),
        (parts) => {
          for (const line of foreignLines(parts.join(''), '')) {
            expect(line.trimStart().startsWith('::')).toBe(false);
            expect(line).not.toMatch(/##\[|\p{Cc}/u);
          }
        },
      ),
    );
  });
});

describe('the event log', () => {
  it('prints a group per step and a line with its outcome and time', async () => {
    const events = createEventLog();
    const lines = await printed(() => {
      for (const line of [
        step(0, 'pull', 'start'),
        log('layer 1\n::error::layer 2'),
        step(212, 'pull', 'ok', { ms: 212 }),
        'docker: noise',
        step(220, 'gate', 'skipped'),
        JSON.stringify(result),
      ])
        events.line(line);
      events.stderr('##[error] from stderr');
      events.end();
    });
    expect(lines).toEqual([
      '::group::pull',
      '| layer 1',
      '| ::error::layer 2',
      '::endgroup::',
      '✓ pull 212 ms',
      '| docker: noise',
      '- gate skipped',
      '| ## [error] from stderr',
    ]);
    expect(events.result).toEqual(result);
    expect(events.steps).toEqual([
      { name: 'pull', status: 'ok', startMs: 0, endMs: 212 },
      { name: 'gate', status: 'skipped', startMs: 220, endMs: 220 },
    ]);
  });

  it('closes the group of a step that never ended', async () => {
    const lines = await printed(() => {
      const events = createEventLog();
      events.line(step(0, 'pull', 'start'));
      events.end();
      events.end();
    });
    expect(lines).toEqual(['::group::pull', '::endgroup::']);
  });

  it('prints nothing twice when the operation is read again from its start', async () => {
    const events = createEventLog();
    const first = [step(0, 'pull', 'start'), log('layer 1')];
    const rest = [step(212, 'pull', 'ok', { ms: 212, message: 'done' }), JSON.stringify(result)];
    const lines = await printed(() => {
      for (const line of first) events.line(line);
      events.restart();
      for (const line of [...first, ...rest]) events.line(line);
      events.end();
    });
    expect(lines).toEqual(['::group::pull', '| layer 1', '::endgroup::', '✓ pull 212 ms: done']);
    expect(events.steps).toEqual([{ name: 'pull', status: 'ok', startMs: 0, endMs: 212, message: 'done' }]);
  });
});

describe('the summary', () => {
  it('escapes foreign text in tables', () => {
    const text = table(['a'], [['x | y\n<img src=x> [link](https://e) `code` @team']]);
    expect(text.split('\n')).toHaveLength(3);
    expect(text.split('\n')[2]).not.toMatch(/<|\]\(|`|@|x \| y/);
    expect(escapeMarkdown('&<>')).toBe('&amp;&lt;&gt;');
  });

  it('keeps preformatted text inside its block', () => {
    const text = preformatted(['</code></pre><script>', '', '', '```', '# head', '\u001B[31mred']);
    expect(text.match(/<\/?(pre|code|script)>/g)).toEqual(['<pre>', '<code>', '</code>', '</pre>']);
    expect(text).not.toMatch(/\n\n|[^\P{Cc}\n]/u);
  });

  it('draws the steps', () => {
    const text = timeline('op: 1', [
      { name: 'pull', status: 'ok', startMs: 0, endMs: 212.4 },
      { name: 'gate: x', status: 'failed', startMs: 213, endMs: 213 },
      { name: 'bake', status: 'skipped', startMs: 213, endMs: 213 },
    ]);
    expect(text.split('\n').slice(5, -1)).toEqual([
      '    pull 212 ms :done, 0, 212',
      '    gate  x 1 ms :crit, 213, 214',
    ]);
  });

  it('stays below the limit by whole parts', () => {
    const text = fit(['ä'.repeat(100), 'b'.repeat(100), 'c'], 250);
    expect(text).toContain('ä'.repeat(100));
    expect(text).not.toContain('bb');
    expect(text).toContain('Cut');
    expect(fit(['a', 'b'], 250)).toBe('a\n\nb\n\n');
  });
});

describe('duration', () => {
  it.each([
    [0, '0 ms'],
    [312.4, '312 ms'],
    [4200, '4.2 s'],
    [125_000, '2 min 5 s'],
  ])('%d', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});
