import { describe, expect, it } from '@jest/globals';
import { parseStatus } from '@delivery/release';
import { ago, columns, historyLines, plain, statusLines } from '../src/human.ts';
import { toLogLines } from '../src/container.ts';
import { digestOf } from './host.ts';

const entry = {
  v: 1,
  seq: 1,
  t: '2026-01-01T00:00:00Z',
  verb: 'deploy',
  outcome: 'refused',
  release: 'r2',
  digest: digestOf('a'),
  colour: 'green',
  previous: 'r1',
  generation: 1,
  actor: 'someone',
  run: '',
  operation: 'op-1',
  secrets: {},
  durationMs: 4230,
  error: { step: 'gate', code: 'crashed', message: `ended\u001b[2J with exit code 1` },
};

describe('lines for a person', () => {
  it('say what runs, what is under way and what went wrong', () => {
    const status = parseStatus(
      JSON.stringify({
        v: 1,
        app: 'shop',
        running: { release: 'r1', digest: digestOf('a'), colour: 'blue', since: '2026-01-01T00:00:00Z' },
        previous: null,
        operation: { id: 'op-2', verb: 'deploy', actor: 'someone', startedAt: '2026-01-01T02:59:30Z' },
        ledger: [entry],
        receipt: null,
      }),
    );
    const container = { name: 'web', running: true, restarting: false, paused: false, health: null, restartCount: 2 };
    const text = statusLines(status, [container as never], new Date('2026-01-01T03:00:00Z')).join('\n');
    expect(text).toMatch(/^running +r1 +blue +since 2026-01-01T00:00:00Z \(3 h\)$/m);
    expect(text).toMatch(/^before it +none$/m);
    expect(text).toMatch(/^under way +deploy op-2 by someone since .* \(30 s\)$/m);
    expect(text).toMatch(/^ +web +running +restarted 2 times$/m);
    expect(text).toMatch(/deploy +refused +r2 +4\.2 s +someone +gate: ended \[2J with exit code 1$/m);
  });

  it('hold nothing that drives a terminal', () => {
    expect(plain('a\u001b[31mb\r\nc')).toBe('a [31mb c');
    expect(historyLines([entry as never]).join('\n')).not.toContain('\u001b');
    expect(historyLines([])).toEqual(['nothing was ever deployed']);
  });

  it('stand in columns, with times in a unit that says enough', () => {
    expect(
      columns([
        ['a', 'b'],
        ['ccc', ''],
      ]),
    ).toEqual(['a    b', 'ccc']);
    const now = new Date('2026-01-10T00:00:00Z');
    expect(ago('2026-01-09T23:55:00Z', now)).toBe('5 min');
    expect(ago('2026-01-01T00:00:00Z', now)).toBe('9 d');
  });
});

describe('log text with timestamps', () => {
  it('is split into lines, and a torn one belongs to the one before it', () => {
    const text = '2026-01-01T00:00:00.123456789Z one\n2026-01-01T00:00:01Z two: a\nrest\n\n2026-01-01T00:00:02Z \n';
    expect(toLogLines(text)).toEqual([
      { t: '2026-01-01T00:00:00.123456789Z', text: 'one' },
      { t: '2026-01-01T00:00:01Z', text: 'two: a rest' },
    ]);
  });
});
