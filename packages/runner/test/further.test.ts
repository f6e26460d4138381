import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { LedgerEntry, LogLine, ResultEvent, Status } from '@delivery/release';
import { maskSecret } from '@delivery/runner';
import { furtherParts, type Ended } from '../src/host/further.ts';
import { lastLines } from '../src/host/last-lines.ts';
import { releaseParts } from '../src/host/releases.ts';
import { printed } from './stdout.ts';

const DIGEST = `sha256:${'0a'.repeat(32)}`;
const T = '2026-01-01T00:00:00.000Z';

const entry = (seq: number, release: string | null, changes: Partial<LedgerEntry> = {}): LedgerEntry => ({
  v: 1,
  seq,
  t: new Date(Date.UTC(2026, 0, 1, 0, seq)).toISOString(),
  verb: 'deploy',
  outcome: 'deployed',
  release,
  digest: DIGEST,
  colour: 'blue',
  previous: null,
  generation: seq,
  actor: 'someone',
  run: '',
  operation: `op-${String(seq)}`,
  secrets: {},
  durationMs: 1,
  ...changes,
});
const crashed = { outcome: 'refused', error: { step: 'gate', code: 'crashed', message: 'exit 1' } } as const;
const here = (...releases: string[]): NonNullable<Status['releases']> =>
  releases.map((release) => ({ release, images: 'here', missing: [] }));

/** The table's cells, by release. */
function rowsOf(parts: readonly string[]): Record<string, string[]> {
  const cells = (parts.find((part) => part.startsWith('|')) ?? '')
    .split('\n')
    .slice(2)
    .map((row) => row.split('|').map((cell) => cell.trim().replaceAll('&#58;', ':').replaceAll('&#95;', '_')));
  return Object.fromEntries(cells.map(([, release = '', ...rest]) => [release, rest.slice(0, -1)]));
}

describe('the releases of a host', () => {
  const ledger = [
    entry(1, 'r1'),
    entry(2, 'r2'),
    entry(3, 'sick', crashed),
    entry(4, 'r3'),
    entry(5, 'r3', { verb: 'backing', outcome: 'applied' }),
    entry(6, 'r2', { verb: 'rollback', outcome: 'rolled_back', previous: 'r3' }),
    entry(7, null, { verb: 'rollback', ...crashed }),
  ];

  it('are listed with the latest operation first: when, how it ended, which is live, where a rollback can go', () => {
    const parts = releaseParts(ledger, 'r2', here('r1', 'r2', 'r3', 'sick'));
    expect(rowsOf(parts)).toEqual({
      r2: ['2026-01-01 00:06:00 UTC', 'rolled back to', 'live now'],
      r3: ['2026-01-01 00:04:00 UTC', 'deployed', 'yes, the default'],
      sick: ['2026-01-01 00:03:00 UTC', 'deploy refused at gate &#40;crashed&#41;', 'no: never proved itself here'],
      r1: ['2026-01-01 00:01:00 UTC', 'deployed', 'yes'],
    });
    expect(Object.keys(rowsOf(parts))).toEqual(['r2', 'r3', 'sick', 'r1']);
    expect(parts.at(-1)).toContain('with its id as `release`. Without an id it goes to r3.');
  });

  it('can be gone back to only where the host has the files and the images', () => {
    const gone = { release: 'r3', images: 'gone' as const, missing: ['x'] };
    const rows = rowsOf(releaseParts(ledger, 'r2', [...here('r2'), gone]));
    expect(rows['r3']?.[2]).toBe('no: its images are gone from the host');
    expect(rows['r1']?.[2]).toBe('no: not kept here any more');
    expect(releaseParts(ledger, 'r2', here('r2')).at(-1)).toContain('None of them can be gone back to');
  });

  it('are those that the host keeps by its rule where it was not asked', () => {
    const long = Array.from({ length: 8 }, (_, index) => entry(index + 1, `r${String(index + 1)}`));
    const rows = rowsOf(releaseParts(long, 'r8'));
    expect(Object.keys(rows).filter((release) => rows[release]?.[2]?.startsWith('yes'))).toEqual([
      'r7',
      'r6',
      'r5',
      'r4',
    ]);
    expect(rows['r3']?.[2]).toBe('no: not kept here any more');
  });

  it('are a bounded list that never leaves out what is live and what can be gone back to', () => {
    const attempts = Array.from({ length: 500 }, (_, index) => entry(index + 3, `x${String(index)}`, crashed));
    const rows = rowsOf(releaseParts([entry(1, 'r1'), entry(2, 'r2'), ...attempts], 'r2', here('r1', 'r2')));
    expect(Object.keys(rows)).toEqual([
      ...Array.from({ length: 10 }, (_, index) => `x${String(499 - index)}`),
      'r2',
      'r1',
    ]);
  });

  it('of which only the last operations are known are not said to have never been live', () => {
    expect(rowsOf(releaseParts([entry(21, 'old', crashed), entry(22, 'r2')], 'r2', here('r2')))['old']?.[2]).toBe(
      'not known',
    );
  });

  it('are none on a host where nothing was deployed', () => {
    expect(releaseParts([entry(1, null, { verb: 'rollback', ...crashed })], null).join(' ')).toContain(
      'None was ever deployed here',
    );
  });
});

const line = (text: string, container = 'web'): LogLine => ({ v: 1, t: T, service: 'web', container, text });

describe('the last lines of what is live', () => {
  it('are bounded in number and length, masked before they are cut, and no HTML', () => {
    maskSecret('hunter2hunter2');
    const lines = Array.from({ length: 100 }, (_, index) => line(`line ${String(index)} <b>`));
    const text = lastLines([...lines, line(`${'x'.repeat(995)}hunter2hunter2${'y'.repeat(4000)}`)], 'r2').join('\n');
    expect(text).toContain('Last lines of what is live, release r2');
    expect(text).toContain('00:00:00 web  line 99 &lt;b&gt;');
    expect(text).not.toContain('line 70 ');
    expect(text).toContain('line 71 ');
    expect(text).not.toContain('hunt');
    expect(text).not.toContain('y'.repeat(10));
    expect(lastLines([], 'r2')).toEqual([]);
  });
});

describe('what a summary says further', () => {
  const result = (changes: Partial<ResultEvent> = {}): ResultEvent => ({
    v: 1,
    t: T,
    op: 'op',
    event: 'result',
    outcome: 'rolled_back',
    running: { release: 'r1', digest: DIGEST, colour: 'green' },
    previous: null,
    timings: { totalMs: 1 },
    receipt: null,
    error: null,
    ...changes,
  });
  const failed = { outcome: 'failed', error: { step: 'confirm', code: 'unconfirmed', message: 'no' } } as const;
  const status = { running: null, ledger: [entry(8, 'r8')] } as unknown as Status;
  const routed = [{ name: 'route', status: 'ok', startMs: 0, endMs: 1 }] as const;
  const host = {
    history: jest.fn(() => Promise.resolve([entry(1, 'r1'), entry(2, 'r2')])),
    logs: jest.fn(() => Promise.resolve([line('still here')])),
    status: jest.fn(() => Promise.resolve<Status | null>(status)),
  };
  const ended = (changes: Partial<Ended>): Ended => ({
    ...{ host, verb: 'rollback', result: result(), steps: [] },
    ...changes,
  });
  let warnings: string[] = [];
  const parts = async (changes: Partial<Ended>): Promise<string> => {
    let text = '';
    const lines = await printed(async () => {
      text = (await furtherParts(ended(changes))).join('\n');
    });
    warnings = lines.filter((each) => each.startsWith('::warning::'));
    return text;
  };
  const refused = (changes: Partial<Ended>): Promise<string> =>
    parts({ result: result({ ...failed, outcome: 'refused' }), ...changes });
  beforeEach(() => {
    jest.clearAllMocks();
  });

  it('is the releases after a rollback that did not work', async () => {
    expect(await refused({})).toMatch(/r1 .* live now/);
    expect(host.history).toHaveBeenCalledTimes(1);
    expect(host.logs).not.toHaveBeenCalled();
  });

  it('is nothing after a rollback that went well, and the host is not asked again', async () => {
    expect(await parts({})).toBe('');
    for (const asked of [host.history, host.logs, host.status]) expect(asked).not.toHaveBeenCalled();
  });

  it('is the last operations that the status has where the history cannot be had', async () => {
    host.history.mockRejectedValueOnce(new Error('history: not valid JSON'));
    expect(await refused({})).toContain('r8');
    expect(warnings).toEqual([]);
  });

  it('is left out with a warning where the host says nothing', async () => {
    host.history.mockRejectedValueOnce(new Error('an older agent'));
    host.status.mockResolvedValueOnce(null);
    expect(await refused({})).toBe('');
    expect(warnings).toEqual(['::warning::The summary goes without the releases of the host: an older agent']);
  });

  it('is the lines of what is live after a deploy that failed with visitors on it, and only there', async () => {
    expect(await parts({ verb: 'deploy', result: result(failed), steps: routed })).toContain('still here');
    expect(host.history).not.toHaveBeenCalled();
    const skipped = [{ ...routed[0], status: 'skipped' as const }];
    for (const steps of [[], skipped]) expect(await parts({ verb: 'deploy', result: result(failed), steps })).toBe('');
    expect(await parts({ verb: 'deploy', result: result({ outcome: 'deployed' }), steps: routed })).toBe('');
    expect(host.logs).toHaveBeenCalledTimes(1);
    host.logs.mockRejectedValueOnce(new Error('no release is live here'));
    expect(await parts({ verb: 'deploy', result: result(failed), steps: routed })).toBe('');
    expect(warnings).toHaveLength(1);
  });
});
