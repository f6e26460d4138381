import { rmSync } from 'node:fs';
import {
  databaseSchema,
  parseDocument,
  runsOn,
  schemaConflict,
  schemaForced,
  SchemaStateSchema,
  wrongForce,
} from '@delivery/release';
import type { Ledger, Manifest, SchemaState } from '@delivery/release';
import { readIfThere, writeAtomically } from './files.ts';
import { StepError } from './failure.ts';
import type { Paths } from './paths.ts';
import type { Run } from './run.ts';
import { readRelease, storedManifests } from './store.ts';
import type { Truth } from './truth.ts';

/** What migrations under way have written down, or null. Throws ContractError `schema` for a file that is none of ours. */
export function begunSchema(paths: Paths): SchemaState | null {
  const text = readIfThere(paths.schema);
  return text === null ? null : parseDocument('schema', SchemaStateSchema, text, 64 * 1024);
}

/** Writes down where the database is, before and after it changes: an agent that dies in between leaves no record of its own. */
export function noteSchema(paths: Paths, state: SchemaState): void {
  writeAtomically(paths.schema, `${JSON.stringify(state)}\n`);
}

/** The ledger has it now. */
export function forgetBegunSchema(paths: Paths): void {
  rmSync(paths.schema, { force: true });
}

export function presentSchema(paths: Paths, ledger: Ledger): SchemaState | null {
  return databaseSchema(ledger, storedManifests(paths), begunSchema(paths));
}

/**
 * The database that a deploy begins with. Throws StepError `schema_incompatible` where the release's code cannot run on it or its
 * migrations would break the live release, unless the database's number was typed; `schema_id_wrong` where another one was.
 */
export function planSchema(
  run: Pick<Run, 'paths' | 'envelope' | 'events'>,
  truth: Pick<Truth, 'ledger' | 'running'>,
  manifest: Manifest,
): SchemaState | null {
  const state = presentSchema(run.paths, truth.ledger);
  const typed = run.envelope.options.forceSchema;
  const wrong = wrongForce(state, typed);
  if (wrong !== null) throw new StepError('schema_id_wrong', wrong);
  // What is live already runs on this database, forced or not.
  if (truth.running?.release === manifest.release) return state;
  const live = truth.running === null ? null : readRelease(run.paths, truth.running.release);
  const conflict = schemaConflict(state, manifest, live?.manifest ?? null);
  if (conflict === null) return state;
  if (typed === undefined) throw new StepError('schema_incompatible', conflict);
  run.events.log('warning', `forced by the schema number ${String(typed)}: ${conflict}`);
  return state === null ? null : schemaForced(state, manifest);
}

/** Why visitors cannot be sent back to the release of before without anybody's consent, or null. */
export function noWayBack(paths: Paths, release: string, state: SchemaState | null): string | null {
  const before = readRelease(paths, release);
  if (state === null || before === null || runsOn(state, before.manifest)) return null;
  return `release ${release} is of schema ${String(before.manifest.schema.after)} and cannot run on schema ${String(state.number)} of the database`;
}
