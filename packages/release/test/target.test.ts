import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { previous, rollbackChoices, rollbackTarget, running, type Ledger, type Manifest } from '@delivery/release';
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

describe('rollbackChoices', () => {
  it('are exactly the names that a rollback takes', () => {
    fc.assert(
      fc.property(histories, fc.nat(), ({ ledger, tried }, nth) => {
        const kept = tried.filter((_, index) => (nth >> (index % 8)) % 2 === 0);
        const manifests = manifestsOf(...kept.map((release) => ({ release })));
        const taken = tried.filter((requested) => rollbackTarget({ ledger, requested, manifests }).ok);
        expect(rollbackChoices(ledger, manifests).sort()).toEqual(taken.sort());
      }),
    );
  });
});

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
  const schema = (after: number, compatibleFrom?: number) => ({
    schema: {
      before: 0,
      after,
      oldestCompatible: null,
      ...(compatibleFrom === undefined ? {} : { compatibleFrom }),
    },
  });
  const decide = (manifests: Map<string, Manifest>, requested: string | null = null, ledger: Ledger = three) => {
    const result = rollbackTarget({ ledger, requested, manifests });
    return result.ok ? 'ok' : result.message;
  };
  const destructive = manifestsOf(
    { release: 'r1', ...schema(4) },
    { release: 'r2', ...schema(5, 4) },
    { release: 'r3', ...schema(6, 5) },
  );

  it('allows the same schema', () => {
    expect(decide(manifestsOf({ release: 'r2', ...schema(4) }, { release: 'r3', ...schema(4) }))).toBe('ok');
  });

  it('allows everything where no release declares a schema', () => {
    expect(rollbackTarget({ ledger: three, requested: 'r1', manifests: all })).toMatchObject({
      ok: true,
      schema: null,
      forced: false,
    });
  });

  it('refuses an older schema when nothing says that it fits, and says what to type', () => {
    const manifests = manifestsOf({ release: 'r2', ...schema(4) }, { release: 'r3', ...schema(5) });
    expect(rollbackTarget({ ledger: three, requested: null, manifests })).toEqual({
      ok: false,
      code: 'schema_incompatible',
      message:
        'release r2 is of schema 4, the database is at 5 since release r3, on which only code of schema 5 or later can run; no release that is kept here can; to do it all the same, give the schema number of the database: force-schema 5',
    });
  });

  it('allows code from the oldest compatible schema on, refuses what is older and names the newest release that fits', () => {
    expect(decide(destructive, 'r2')).toBe('ok');
    expect(decide(destructive, 'r1')).toContain('only code of schema 5 or later can run; safe is release r2;');
  });

  it('goes there all the same when the schema of the database is typed, and then counts its migrations as not done', () => {
    expect(rollbackTarget({ ledger: three, requested: 'r1', manifests: destructive, forceSchema: 6 })).toMatchObject({
      ok: true,
      target: { release: 'r1' },
      forced: true,
      schema: { number: 6, completed: 4, compatibleFrom: 5, release: 'r3' },
    });
  });

  it.each([0, 4, 5, 7])('refuses %i typed instead of 6, whether forcing is needed or not', (forceSchema) => {
    for (const requested of ['r1', 'r2']) {
      expect(rollbackTarget({ ledger: three, requested, manifests: destructive, forceSchema })).toEqual({
        ok: false,
        code: 'schema_id_wrong',
        message: `force-schema: ${forceSchema} is not the schema of the database, which is 6`,
      });
    }
  });

  it('believes the record and what was begun before the manifests that are left', () => {
    const state = { number: 9, completed: 6, compatibleFrom: 8, release: 'r9' };
    const ledger = ledgerOf({ release: 'r1' }, { release: 'r2' }, { release: 'r3', schema: state });
    expect(decide(destructive, 'r2', ledger)).toContain('the database is at 9 since release r9');
    const begun = { ...state, number: 10 };
    const result = rollbackTarget({ ledger, requested: 'r2', manifests: destructive, begun });
    expect(result.ok ? '' : result.message).toContain('the database is at 10');
  });

  it('knows that the database stays ahead after a rollback, and lets the way forward open', () => {
    const back = rolledBack(three, 'r2');
    // r2 by itself would allow r1; the database is still at r3's schema.
    expect(decide(destructive, 'r1', back)).toContain('the database is at 6 since release r3');
    expect(decide(destructive, 'r3', back)).toBe('ok');
  });

  it('counts a deploy that failed after its migrations, not one that failed before', () => {
    const manifests = manifestsOf(
      { release: 'r1', ...schema(4) },
      { release: 'r2', ...schema(4) },
      { release: 'bad', ...schema(9) },
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
