import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { previous, rollbackTarget, running, type Ledger, type Manifest } from '@delivery/release';
import { histories, ledgerOf, manifest, newEntry } from './builders.ts';

const manifestsOf = (...items: Partial<Manifest>[]): Map<string, Manifest> =>
  new Map(items.map((item) => [item.release ?? 'r1', manifest(item)]));
const three = ledgerOf({ release: 'r1' }, { release: 'r2' }, { release: 'r3' });
const all = manifestsOf({ release: 'r1' }, { release: 'r2' }, { release: 'r3' });

function rolledBack(ledger: Ledger, release: string): Ledger {
  const entry = newEntry({
    verb: 'rollback',
    outcome: 'rolled_back',
    release,
    previous: running(ledger)?.release ?? null,
  });
  return [...ledger, { v: 1, seq: ledger.length + 1, ...entry }];
}

describe('rollbackTarget', () => {
  it('goes to the previous release without a name, and says its manifest', () => {
    for (const requested of [null, '']) {
      expect(rollbackTarget({ ledger: three, requested, manifests: all })).toMatchObject({
        ok: true,
        target: { release: 'r2' },
        manifest: { release: 'r2' },
      });
    }
  });

  it('goes to a named release further back', () => {
    expect(rollbackTarget({ ledger: three, requested: 'r1', manifests: all })).toMatchObject({
      ok: true,
      target: { release: 'r1' },
    });
  });

  it.each([
    ['no_earlier_release', [], null, 'no earlier release'],
    ['no_earlier_release', ledgerOf({ release: 'r1' }), null, 'no earlier release'],
    [
      'no_earlier_release',
      ledgerOf({ release: 'r1' }, { release: 'r2', outcome: 'failed' }),
      null,
      'no earlier release',
    ],
    ['unknown_release', three, 'r9', "release r9 is not in this host's ledger; available: r2, r1"],
    ['already_running', three, 'r3', 'release r3 is already running; available: r2, r1'],
    [
      'never_live',
      ledgerOf({ release: 'r1' }, { release: 'r2', outcome: 'failed' }, { release: 'r3' }),
      'r2',
      'never went live; available: r1',
    ],
  ] as const)('refuses with %s', (code, ledger, requested, message) => {
    const result = rollbackTarget({ ledger, requested, manifests: all });
    expect(result).toMatchObject({ ok: false, code });
    expect(result.ok ? '' : result.message).toContain(message);
  });

  it('refuses a pruned release, named or not, and does not pick another one', () => {
    const manifests = manifestsOf({ release: 'r1' }, { release: 'r3' });
    for (const requested of [null, 'r2']) {
      expect(rollbackTarget({ ledger: three, requested, manifests })).toEqual({
        ok: false,
        code: 'pruned',
        message: 'release r2 is no longer kept on this host; available: r1',
      });
    }
  });

  it('two rollbacks in a row toggle', () => {
    fc.assert(
      fc.property(histories, ({ ledger, live }) => {
        fc.pre(previous(ledger) !== null);
        const manifests = manifestsOf(...live.map((release) => ({ release })));
        const before = running(ledger)!.release;
        const first = rollbackTarget({ ledger, requested: null, manifests });
        if (!first.ok) throw new Error(first.message);
        expect(first.target.release).not.toBe(before);
        const second = rollbackTarget({ ledger: rolledBack(ledger, first.target.release), requested: null, manifests });
        expect(second).toMatchObject({ ok: true, target: { release: before } });
      }),
    );
  });
});

describe('rollbackTarget and the database schema', () => {
  const schema = (before: number, after: number, oldestCompatible: string | null = null) => ({
    schema: { before, after, oldestCompatible },
  });
  const at = (day: number) => ({ created: `2026-01-0${day}T00:00:00Z` });
  const decide = (manifests: Map<string, Manifest>, requested: string | null = null, ledger: Ledger = three) => {
    const result = rollbackTarget({ ledger, requested, manifests });
    return result.ok ? 'ok' : result.message;
  };

  it('allows the same schema', () => {
    expect(decide(manifestsOf({ release: 'r2', ...schema(0, 4) }, { release: 'r3', ...schema(4, 4) }))).toBe('ok');
  });

  it('refuses an older schema when nothing says that it fits', () => {
    const manifests = manifestsOf({ release: 'r2', ...schema(0, 4) }, { release: 'r3', ...schema(4, 5) });
    expect(rollbackTarget({ ledger: three, requested: null, manifests })).toEqual({
      ok: false,
      code: 'schema_incompatible',
      message:
        'release r2 is of schema 4, the database is at 5 since release r3, which names no older release that can run on it',
    });
  });

  it('allows from the oldest compatible release on, and refuses what is older', () => {
    const manifests = manifestsOf(
      { release: 'r1', ...schema(0, 4), ...at(1) },
      { release: 'r2', ...schema(4, 4), ...at(2) },
      { release: 'r3', ...schema(4, 5, 'r2'), ...at(3) },
    );
    expect(decide(manifests, 'r2')).toBe('ok');
    expect(decide(manifests, 'r1')).toContain('needs release r2 or later');
  });

  it('uses the order of the ledger where the oldest compatible release is pruned, and refuses where it is unknown', () => {
    const ledger = ledgerOf({ release: 'r0' }, { release: 'r1' }, { release: 'r2' }, { release: 'r3' });
    const manifests = (oldest: string) =>
      manifestsOf(
        { release: 'r0', ...schema(0, 4) },
        { release: 'r2', ...schema(0, 4) },
        { release: 'r3', ...schema(4, 5, oldest) },
      );
    expect(decide(manifests('r1'), 'r2', ledger)).toBe('ok');
    expect(decide(manifests('r1'), 'r0', ledger)).toContain('needs release r1');
    expect(decide(manifests('elsewhere'), 'r2', ledger)).toContain('needs release elsewhere');
  });

  it('knows that the database stays ahead after a rollback, and lets the way forward open', () => {
    const manifests = manifestsOf(
      { release: 'r1', ...schema(0, 3), ...at(1) },
      { release: 'r2', ...schema(3, 4), ...at(2) },
      { release: 'r3', ...schema(4, 5, 'r2'), ...at(3) },
    );
    const back = rolledBack(three, 'r2');
    // r2 by itself would allow nothing about r1; the database is still at r3's schema.
    expect(decide(manifests, 'r1', back)).toContain('the database is at 5 since release r3');
    expect(decide(manifests, 'r3', back)).toBe('ok');
  });

  it('counts a deploy that failed after its migrations, not one that failed before', () => {
    const manifests = manifestsOf(
      { release: 'r1', ...schema(0, 4) },
      { release: 'r2', ...schema(4, 4) },
      { release: 'bad', ...schema(4, 9) },
    );
    const failed = (step: 'gate' | 'pull') =>
      ledgerOf(
        { release: 'r1' },
        { release: 'r2' },
        { release: 'bad', outcome: 'failed', error: { step, code: 'x', message: '' } },
      );
    expect(decide(manifests, null, failed('gate'))).toContain('the database is at 9 since release bad');
    expect(decide(manifests, null, failed('pull'))).toBe('ok');
    expect(
      decide(manifests, null, ledgerOf({ release: 'r1' }, { release: 'r2' }, { release: 'bad', outcome: 'refused' })),
    ).toBe('ok');
  });
});
