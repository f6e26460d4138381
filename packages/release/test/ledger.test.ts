import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { appendLine, ContractError, parseLedger, previous, running, type LedgerEntry } from '@delivery/release';
import { digestOf, histories, ledgerOf, newEntry } from './builders.ts';

const textOf = (entries: readonly LedgerEntry[]): string =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

describe('parseLedger', () => {
  it('reads what appendLine writes and numbers the lines', () => {
    let text = '';
    for (const release of ['r1', 'r2', 'r3']) text += appendLine(text, newEntry({ release })).line;
    expect(parseLedger(text).map(({ seq, release }) => [seq, release])).toEqual([
      [1, 'r1'],
      [2, 'r2'],
      [3, 'r3'],
    ]);
  });

  it('is empty for an empty file', () => {
    expect(parseLedger('')).toEqual([]);
  });

  it('leaves out a torn last line at every length, and the next append replaces it', () => {
    const [first, second] = ledgerOf({ release: 'r1' }, { release: 'r2', actor: 'é😀' });
    const whole = textOf([first!]);
    const line = JSON.stringify(second);
    for (let length = 1; length < line.length; length += 1) {
      const torn = whole + line.slice(0, length);
      expect(parseLedger(torn)).toEqual([first]);
      const append = appendLine(torn, newEntry({ release: 'r9' }));
      const repaired = Buffer.from(torn).subarray(0, append.keepBytes).toString() + append.line;
      expect(parseLedger(repaired).map(({ release }) => release)).toEqual(['r1', 'r9']);
    }
  });

  it('counts the bytes to keep in UTF-8', () => {
    const whole = textOf(ledgerOf({ actor: 'é😀' }));
    expect(appendLine(`${whole}{"v`, newEntry()).keepBytes).toBe(Buffer.byteLength(whole));
  });

  it('keeps a complete last line that only lacks its newline', () => {
    const text = textOf(ledgerOf({ release: 'r1' })).trimEnd();
    expect(parseLedger(text)).toHaveLength(1);
    const append = appendLine(text, newEntry({ release: 'r2' }));
    expect(parseLedger(text + append.line).map(({ release }) => release)).toEqual(['r1', 'r2']);
  });

  it('is strict about everything else and names the line', () => {
    const [a, b, c] = ledgerOf({ release: 'r1' }, { release: 'r2' }, { release: 'r3' });
    expect(() => parseLedger(`${JSON.stringify(a)}\n{"torn\n${JSON.stringify(b)}\n`)).toThrow(
      'ledger: line 2: not valid JSON',
    );
    expect(() => parseLedger(`${JSON.stringify(a)}\n\n${JSON.stringify(b)}\n`)).toThrow('line 2');
    expect(() => parseLedger(`{"torn\n`)).toThrow('line 1');
    expect(() => parseLedger(textOf([a!, c!]))).toThrow('ledger: line 2: seq is 3, expected 2');
    expect(() => parseLedger(textOf([a!, a!]))).toThrow('seq is 1, expected 2');
    expect(() => parseLedger(`${JSON.stringify({ ...a, digest: 'latest' })}\n`)).toThrow('ledger: line 1: digest');
    // Complete JSON is no torn line, whatever its newline.
    expect(() => parseLedger('{"v":2}')).toThrow(ContractError);
  });

  it('refuses an entry that contradicts itself', () => {
    expect(() => appendLine('', newEntry({ verb: 'deploy', outcome: 'rolled_back' }))).toThrow(
      'outcome: a deploy cannot end as rolled_back',
    );
    expect(() => appendLine('', newEntry({ verb: 'rollback', outcome: 'deployed' }))).toThrow(
      'outcome: a rollback cannot end as deployed',
    );
    expect(() => appendLine('', newEntry({ release: null }))).toThrow('release: must be known');
    expect(() => appendLine('', newEntry({ digest: null }))).toThrow('digest: must be known');
    expect(appendLine('', newEntry({ outcome: 'refused', release: null, digest: null })).entry.seq).toBe(1);
  });
});

describe('running and previous', () => {
  it('are null before the first success', () => {
    expect(running([])).toBeNull();
    const failed = ledgerOf({ outcome: 'failed' }, { outcome: 'refused' });
    expect(running(failed)).toBeNull();
    expect(previous(failed)).toBeNull();
  });

  it('say release, digest, colour, generation and since', () => {
    const ledger = ledgerOf(
      { release: 'r1', colour: 'blue', t: '2026-01-01T00:00:00Z' },
      { release: 'r2', colour: 'green', digest: digestOf('c'), t: '2026-01-02T00:00:00Z' },
    );
    expect(running(ledger)).toEqual({
      release: 'r2',
      digest: digestOf('c'),
      colour: 'green',
      generation: 2,
      since: '2026-01-02T00:00:00Z',
    });
    expect(previous(ledger)).toEqual({
      release: 'r1',
      digest: digestOf('a'),
      colour: 'blue',
      generation: 1,
      since: '2026-01-01T00:00:00Z',
    });
  });

  it('take the generation from a later failure, which switched there and back', () => {
    const ledger = ledgerOf({ release: 'r1' }, { release: 'r2', outcome: 'failed', generation: 5 });
    expect(running(ledger)).toMatchObject({ release: 'r1', generation: 5, since: '2026-01-01T00:00:00Z' });
  });

  it('a redeploy of the running release does not become its own previous', () => {
    const ledger = ledgerOf({ release: 'r1' }, { release: 'r2' }, { release: 'r2' });
    expect(previous(ledger)?.release).toBe('r1');
  });

  it('agree with a model over random histories', () => {
    fc.assert(
      fc.property(histories, ({ ledger, live }) => {
        const current = live.at(-1);
        expect(running(ledger)?.release).toBe(current);
        expect(previous(ledger)?.release).toBe(live.findLast((release) => release !== current));
        expect(parseLedger(textOf(ledger))).toEqual(ledger);
      }),
    );
  });
});
