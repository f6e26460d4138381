import { z } from 'zod';
import { releaseId } from './ids.ts';
import type { LedgerEntry } from './ledger.ts';
import type { Manifest } from './manifest.ts';

const schemaNumber = z.int().min(0);

/** What is known of the database's schema. Unknown keys are dropped. */
export const SchemaStateSchema = z.object({
  /** The furthest schema number whose migrations have begun, ended or not. */
  number: schemaNumber,
  /** The furthest number whose migrations have ended well; below `number` where some failed or were cut off. */
  completed: schemaNumber,
  /** The oldest schema number whose code can run on a database at `number`. */
  compatibleFrom: schemaNumber,
  /** The release that migrated. */
  release: releaseId,
});
export type SchemaState = z.infer<typeof SchemaStateSchema>;

type Entries = readonly LedgerEntry[];
type Manifests = ReadonlyMap<string, Manifest>;

/**
 * Where the furthest migration left the database, or null where no release ever declared a schema. That is not always the running
 * release: after a rollback it is the one rolled back from, and a deploy that failed after its migrations counts too.
 * @param begun what an operation that left no record wrote before and after its migrations
 */
export function databaseSchema(ledger: Entries, manifests: Manifests, begun: SchemaState | null): SchemaState | null {
  if (begun !== null) return begun;
  const recorded = ledger.findLast((entry) => entry.schema !== undefined)?.schema;
  if (recorded !== undefined) return recorded;
  let owner: Manifest | null = null;
  for (const entry of ledger) {
    const manifest = entry.release === null || !mayHaveMigrated(entry) ? undefined : manifests.get(entry.release);
    if (manifest && manifest.schema.after > 0 && manifest.schema.after >= (owner?.schema.after ?? 0)) owner = manifest;
  }
  return owner === null ? null : schemaAfter(null, owner);
}

/** Whether a release says which schema it is of. One that does not has its jobs run by every deploy. */
export function declaresSchema({ schema }: Pick<Manifest, 'schema'>): boolean {
  return schema.after > 0;
}

/** Whether the release's migrations have anything to do on a database in this state. */
export function needsMigration(state: SchemaState | null, manifest: Pick<Manifest, 'schema'>): boolean {
  return !declaresSchema(manifest) || manifest.schema.after > (state?.completed ?? 0);
}

/** The state while the release's migrations run, which is also the state if they never end well. */
export function schemaDuring(state: SchemaState | null, manifest: Manifest): SchemaState {
  const after = schemaAfter(state, manifest);
  return {
    ...after,
    completed: state?.completed ?? 0,
    compatibleFrom: Math.max(after.compatibleFrom, state?.compatibleFrom ?? 0),
  };
}

/** The state once the release's migrations have ended well, or had nothing to do. The newest release of a number has the word on it. */
export function schemaAfter(state: SchemaState | null, { release, schema }: Manifest): SchemaState {
  if (state !== null && schema.after < state.number) return state;
  return {
    number: schema.after,
    completed: Math.max(schema.after, state?.completed ?? 0),
    compatibleFrom: schema.compatibleFrom ?? schema.after,
    release: state?.number === schema.after ? state.release : release,
  };
}

/**
 * The state after somebody forced older code onto the database. They may have put a backup of that code's time back, so the
 * migrations after its schema count as not done: the next release runs them again.
 */
export function schemaForced(state: SchemaState, { schema }: Pick<Manifest, 'schema'>): SchemaState {
  return { ...state, completed: Math.min(state.completed, schema.after) };
}

/** Whether the release's code can run on a database in this state. */
export function runsOn(state: SchemaState | null, { schema }: Pick<Manifest, 'schema'>): boolean {
  return state === null || schema.after >= Math.min(state.compatibleFrom, state.number);
}

/** Why forcing by this number is no consent to this database, or null. A number that was typed must be the right one, needed or not. */
export function wrongForce(state: SchemaState | null, typed: number | undefined): string | null {
  const present = state?.number ?? 0;
  if (typed === undefined || typed === present) return null;
  return `force-schema: ${typed} is not the schema of the database, which is ${present}`;
}

/** How to go on against a refusal for the schema's sake. */
export function howToForce(state: SchemaState | null): string {
  return `to do it all the same, give the schema number of the database: force-schema ${state?.number ?? 0}`;
}

/**
 * Why this release must not be deployed on the database as it is, or null: its code is older than the database allows, or its
 * migrations take away what the live release, on which visitors are meanwhile, still needs.
 */
export function schemaConflict(
  state: SchemaState | null,
  manifest: Manifest,
  live: Pick<Manifest, 'release' | 'schema'> | null,
): string | null {
  const { release, schema } = manifest;
  if (state !== null && !runsOn(state, manifest)) {
    return `release ${release} is of schema ${schema.after}, the database is at ${state.number} since release ${state.release}, on which only code of schema ${state.compatibleFrom} or later can run; ${howToForce(state)}`;
  }
  const from = schema.compatibleFrom ?? schema.after;
  if (live === null || !declaresSchema(manifest) || !needsMigration(state, manifest) || live.schema.after >= from)
    return null;
  return `release ${release} migrates to schema ${schema.after}, on which only code of schema ${from} or later can run, and visitors are on release ${live.release} of schema ${live.schema.after}: deploy a release of schema ${from} in between, or say compatibleFrom: ${live.schema.after} if its code can run on ${schema.after}; ${howToForce(state)}`;
}

const BEFORE_MIGRATION = new Set(['lock', 'plan', 'pull', 'verify']);

function mayHaveMigrated(entry: LedgerEntry): boolean {
  if (entry.outcome === 'refused') return false;
  return !(entry.outcome === 'failed' && entry.error && BEFORE_MIGRATION.has(entry.error.step));
}
