import { liveHistory, previous, running, type Ledger, type Running } from './ledger.ts';
import type { Manifest } from './manifest.ts';
import { databaseSchema, howToForce, runsOn, schemaForced, wrongForce, type SchemaState } from './schema.ts';

export type TargetRefusal =
  | 'no_earlier_release'
  | 'unknown_release'
  | 'already_running'
  | 'never_live'
  | 'pruned'
  | 'schema_incompatible'
  | 'schema_id_wrong';

export interface TargetInput {
  ledger: Ledger;
  /** Release id asked for; null or '' means the previous one. */
  requested: string | null;
  /** Manifests of the releases that the host still has, by id. */
  manifests: ReadonlyMap<string, Manifest>;
  /** What an operation that left no record said about its migrations. */
  begun?: SchemaState | null;
  /** The database's schema number as somebody typed it, to go where the schema does not allow it. */
  forceSchema?: number | undefined;
}

export type TargetResult =
  | {
      ok: true;
      target: Running;
      manifest: Manifest;
      /** The database as the rollback leaves it, for the record. */
      schema: SchemaState | null;
      /** The target cannot run on this database, and its number was typed as consent. */
      forced: boolean;
    }
  | { ok: false; code: TargetRefusal; message: string };

/**
 * Which release a rollback goes to. Without a name it is the one that was live before (see `previous`: two in a row toggle between two
 * releases); a longer way back needs the name. A named release must have gone live here once: one that failed its gate is not a
 * place to go back to. Refusals are decided before anything changes and say why.
 */
export function rollbackTarget({ ledger, requested, manifests, begun = null, forceSchema }: TargetInput): TargetResult {
  const current = running(ledger);
  const history = liveHistory(ledger);
  const choices = rollbackChoices(ledger, manifests);
  const allowed = choices.length > 0 ? `available: ${choices.join(', ')}` : 'none is available';

  let target: Running | null;
  if (requested) {
    if (requested === current?.release)
      return refuse('already_running', `release ${requested} is already running; ${allowed}`);
    target = history.findLast((item) => item.release === requested) ?? null;
    if (target === null) {
      const tried = ledger.some((entry) => entry.release === requested);
      return tried
        ? refuse('never_live', `release ${requested} was tried here but never went live; ${allowed}`)
        : refuse('unknown_release', `release ${requested} is not in this host's ledger; ${allowed}`);
    }
  } else {
    target = previous(ledger);
    if (target === null) return refuse('no_earlier_release', 'there is no earlier release to go back to');
  }

  const manifest = manifests.get(target.release);
  if (manifest === undefined) {
    return refuse('pruned', `release ${target.release} is no longer kept on this host; ${allowed}`);
  }
  const state = databaseSchema(ledger, manifests, begun);
  const wrong = wrongForce(state, forceSchema);
  if (wrong !== null) return refuse('schema_id_wrong', wrong);
  const fits = state === null || runsOn(state, manifest);
  if (!fits && forceSchema === undefined) {
    return refuse(
      'schema_incompatible',
      `release ${target.release} is of schema ${manifest.schema.after}, the database is at ${state.number} since release ${state.release}, on which only code of schema ${state.compatibleFrom} or later can run; ${safeTarget(state, choices, manifests)}; ${howToForce(state)}`,
    );
  }
  return { ok: true, target, manifest, schema: fits ? state : schemaForced(state, manifest), forced: !fits };
}

/** The releases that a rollback may be asked for by name, the latest live one first; `kept` are those that the host still has. */
export function rollbackChoices(ledger: Ledger, kept: { has: (release: string) => boolean }): string[] {
  const current = running(ledger)?.release;
  const newestFirst = new Set(
    liveHistory(ledger)
      .map((item) => item.release)
      .reverse(),
  );
  return [...newestFirst].filter((release) => release !== current && kept.has(release));
}

/** The releases of `choices`, newest first, that can run on today's database. */
function safeTarget(
  state: SchemaState | null,
  choices: readonly string[],
  manifests: ReadonlyMap<string, Manifest>,
): string {
  const safe = choices.find((release) => {
    const manifest = manifests.get(release);
    return manifest !== undefined && runsOn(state, manifest);
  });
  return safe === undefined ? 'no release that is kept here can' : `safe is release ${safe}`;
}

function refuse(code: TargetRefusal, message: string): TargetResult {
  return { ok: false, code, message };
}
