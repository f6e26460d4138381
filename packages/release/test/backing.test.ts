import { describe, expect, it } from '@jest/globals';
import { liveHistory, parseLedger, parseStatus, previous, retention, running } from '@delivery/release';
import { digestOf, ledgerOf } from './builders.ts';

const change = {
  service: 'db',
  action: 'recreated',
  what: ['image: a → b'],
  durationMs: 900,
  blipMs: 410,
  failed: 9,
  probes: 70,
};
const applied = { verb: 'backing', outcome: 'applied', release: 'r2', generation: 2, backing: [change] } as const;
const deployed = [
  { release: 'r1', generation: 1 },
  { release: 'r2', generation: 2 },
];

describe('a change of backing services on record', () => {
  it('is no part of the history of releases', () => {
    const ledger = ledgerOf(...deployed, { ...applied, backing: [{ ...change, action: 'recreated' }] });
    const without = ledgerOf(...deployed);
    expect(running(ledger)).toEqual(running(without));
    expect(previous(ledger)).toEqual(previous(without));
    expect(liveHistory(ledger)).toEqual(liveHistory(without));
    const present = ['r1', 'r2'];
    expect(retention({ ledger, present })).toEqual(retention({ ledger: without, present }));
    expect(parseLedger(ledger.map((entry) => `${JSON.stringify(entry)}\n`).join(''))).toEqual(ledger);
  });

  it('cannot end as a deploy does, nor a deploy as it does', () => {
    const line = (more: object): string => `${JSON.stringify({ ...ledgerOf({ release: 'r1' })[0], ...more })}\n`;
    expect(() => parseLedger(line({ verb: 'backing' }))).toThrow('a backing cannot end as deployed');
    expect(() => parseLedger(line({ outcome: 'applied' }))).toThrow('a deploy cannot end as applied');
  });

  it('is left out of a status by a reader that does not know such entries, as every unknown one is', () => {
    const ledger: unknown[] = [...ledgerOf({ release: 'r1' }), { v: 1, seq: 2, verb: 'something-new' }];
    const live = { release: 'r1', digest: digestOf('a'), colour: 'blue', since: '2026-01-01T00:00:00Z' };
    const text = JSON.stringify({
      v: 1,
      app: 'shop',
      running: live,
      previous: null,
      operation: null,
      ledger,
      receipt: null,
    });
    expect(parseStatus(text).ledger.map(({ seq }) => seq)).toEqual([1]);
  });
});
