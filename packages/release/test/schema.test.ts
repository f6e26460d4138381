import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  databaseSchema,
  needsMigration,
  parseManifest,
  runsOn,
  schemaAfter,
  schemaConflict,
  schemaDuring,
  schemaForced,
  wrongForce,
  type SchemaState,
} from '@delivery/release';
import { manifest } from './builders.ts';

const of = (release: string, after: number, compatibleFrom?: number) =>
  manifest({
    release,
    schema: {
      before: 0,
      after,
      oldestCompatible: null,
      ...(compatibleFrom === undefined ? {} : { compatibleFrom }),
    },
  });
const at = (number: number, more: Partial<SchemaState> = {}): SchemaState => ({
  number,
  completed: number,
  compatibleFrom: number,
  release: 'r0',
  ...more,
});

describe('a manifest', () => {
  it('of before compatibleFrom still parses', () => {
    expect(parseManifest(JSON.stringify(of('r1', 0))).schema).toEqual({ before: 0, after: 0, oldestCompatible: null });
    expect(parseManifest(JSON.stringify(of('r1', 3, 2))).schema.compatibleFrom).toBe(2);
  });
});

describe('migrations', () => {
  it('run when the number rises, and again while they have not ended well', () => {
    expect(needsMigration(null, of('r1', 1))).toBe(true);
    expect(needsMigration(at(1), of('r2', 1))).toBe(false);
    expect(needsMigration(at(1), of('r2', 2))).toBe(true);
    expect(needsMigration(at(2, { completed: 1 }), of('r2', 2))).toBe(true);
    expect(needsMigration(at(3), of('r2', 2))).toBe(false);
  });

  it('run in every deploy of a release that declares no schema', () => {
    expect(needsMigration(at(3), of('r2', 0))).toBe(true);
  });

  it('that never end leave the stricter bound of before and after', () => {
    expect(schemaDuring(at(4, { compatibleFrom: 3 }), of('r5', 5, 2))).toEqual({
      number: 5,
      completed: 4,
      compatibleFrom: 3,
      release: 'r5',
    });
    expect(schemaDuring(null, of('r5', 5))).toEqual({ number: 5, completed: 0, compatibleFrom: 5, release: 'r5' });
  });

  it('that have ended are the state, and a later release of the same number has the word on who can run', () => {
    const after = schemaAfter(at(4), of('r5', 5, 4));
    expect(after).toEqual({ number: 5, completed: 5, compatibleFrom: 4, release: 'r5' });
    expect(schemaAfter(after, of('r6', 5, 5))).toEqual({ ...after, compatibleFrom: 5 });
    expect(schemaAfter(after, of('r4', 4))).toBe(after);
  });

  it('count as not done after older code was forced onto the database', () => {
    const forced = schemaForced(at(6), of('r1', 4));
    expect(forced).toEqual({ number: 6, completed: 4, compatibleFrom: 6, release: 'r0' });
    expect(needsMigration(forced, of('r2', 6))).toBe(true);
  });
});

describe('a deploy', () => {
  const live = (after: number) => of('live', after);

  it.each([
    ['nothing ran before', null, of('r1', 7), null],
    ['the schema stays', at(4), of('r2', 4), live(4)],
    ['the live code can run on the new schema', at(4), of('r2', 5, 4), live(4)],
    ['older code that the database still carries', at(5, { compatibleFrom: 4 }), of('r2', 4), live(5)],
    ['no schema was ever declared', null, of('r2', 0), live(0)],
  ])('goes on where %s', (_, state, next, before) => {
    expect(schemaConflict(state, next, before)).toBeNull();
  });

  it('of code that the database no longer carries is refused', () => {
    expect(schemaConflict(at(5), of('r2', 4), live(5))).toContain(
      'release r2 is of schema 4, the database is at 5 since release r0',
    );
    expect(schemaConflict(at(5), of('r2', 0), live(5))).toContain('force-schema 5');
  });

  it('whose migration takes away what the live release needs is refused', () => {
    expect(schemaConflict(at(4), of('r2', 5), live(4))).toBe(
      'release r2 migrates to schema 5, on which only code of schema 5 or later can run, and visitors are on release live of schema 4: deploy a release of schema 5 in between, or say compatibleFrom: 4 if its code can run on 5; to do it all the same, give the schema number of the database: force-schema 4',
    );
  });

  it('is never let through onto a database that its code cannot run on', () => {
    const number = fc.nat(6);
    fc.assert(
      fc.property(number, number, number, number, (n, from, after, liveAfter) => {
        fc.pre(from <= n);
        const state = at(n, { compatibleFrom: from });
        const conflict = schemaConflict(state, of('r', after, Math.min(from, after)), live(liveAfter));
        if (!runsOn(state, of('r', after))) expect(conflict).not.toBeNull();
      }),
    );
  });
});

describe('forcing', () => {
  it('takes the number of the database and no other', () => {
    expect(wrongForce(at(5), 5)).toBeNull();
    expect(wrongForce(at(5), undefined)).toBeNull();
    expect(wrongForce(null, 0)).toBeNull();
    expect(wrongForce(at(5), 4)).toBe('force-schema: 4 is not the schema of the database, which is 5');
    expect(wrongForce(null, 1)).toContain('which is 0');
  });
});

describe('the state of the database', () => {
  it('is what was begun, before what is on record', () => {
    expect(databaseSchema([], new Map(), at(3))).toEqual(at(3));
    expect(databaseSchema([], new Map(), null)).toBeNull();
  });
});
