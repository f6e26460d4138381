import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { liveHistory, previous, retention, running } from '@delivery/release';
import { histories, ledgerOf } from './builders.ts';

const releases = (...names: string[]) => ledgerOf(...names.map((release) => ({ release })));

describe('retention', () => {
  it('keeps the last five by default and prunes the others, in the order given', () => {
    const ledger = releases('r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7');
    expect(retention({ ledger, present: ['r7', 'r1', 'r3', 'r2', 'r5'] })).toEqual({
      keep: ['r7', 'r3', 'r5'],
      prune: ['r1', 'r2'],
    });
  });

  it('counts different releases, not entries', () => {
    const ledger = releases('r1', 'r2', 'r3', 'r3', 'r3');
    expect(retention({ ledger, present: ['r1', 'r2', 'r3'], keep: 3 }).prune).toEqual([]);
    expect(retention({ ledger, present: ['r1', 'r2', 'r3'], keep: 2 }).prune).toEqual(['r1']);
  });

  it('keeps the previous release although only one is asked for', () => {
    expect(retention({ ledger: releases('r1', 'r2', 'r3'), present: ['r1', 'r2', 'r3'], keep: 1 })).toEqual({
      keep: ['r2', 'r3'],
      prune: ['r1'],
    });
  });

  it('keeps both sides of the latest rollback, also after further deploys', () => {
    const ledger = ledgerOf(
      { release: 'r1' },
      { release: 'r2' },
      { release: 'r3' },
      { verb: 'rollback', outcome: 'rolled_back', release: 'r1', previous: 'r3' },
      { release: 'r4', previous: 'r1' },
      { release: 'r5', previous: 'r4' },
    );
    expect(retention({ ledger, present: ['r1', 'r2', 'r3', 'r4', 'r5'], keep: 1 })).toEqual({
      keep: ['r1', 'r3', 'r4', 'r5'],
      prune: ['r2'],
    });
  });

  it('prunes what never went live unless it is protected', () => {
    const ledger = ledgerOf({ release: 'r1' }, { release: 'bad', outcome: 'failed' });
    expect(retention({ ledger, present: ['r1', 'bad', 'stray'], protect: ['stray'] })).toEqual({
      keep: ['r1', 'stray'],
      prune: ['bad'],
    });
  });

  it('prunes nothing while nothing went live', () => {
    expect(retention({ ledger: ledgerOf({ outcome: 'failed' }), present: ['r1', 'r2'] })).toEqual({
      keep: ['r1', 'r2'],
      prune: [],
    });
  });

  it('refuses to keep less than one', () => {
    for (const keep of [0, -1, 1.5, Number.NaN])
      expect(() => retention({ ledger: [], present: [], keep })).toThrow('keep');
  });

  it('never prunes current, previous or the last N, over random histories', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: 6 }), ({ ledger, tried, live }, keep) => {
        const { keep: kept, prune } = retention({ ledger, present: tried, keep });
        expect([...kept, ...prune].sort()).toEqual([...tried].sort());
        for (const item of [running(ledger), previous(ledger)]) {
          if (item) expect(prune).not.toContain(item.release);
        }
        const recent = [
          ...new Set(
            liveHistory(ledger)
              .map(({ release }) => release)
              .reverse(),
          ),
        ].slice(0, keep);
        for (const release of recent) expect(kept).toContain(release);
        // N, the previous one, and two sides of a rollback: everything else is gone.
        if (live.length > 0) expect(kept.length).toBeLessThanOrEqual(keep + 3);
      }),
    );
  });
});
