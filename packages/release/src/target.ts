import { liveHistory, previous, running, type Ledger, type Running } from './ledger.ts';
import type { Manifest } from './manifest.ts';

export type TargetRefusal =
  'no_earlier_release' | 'unknown_release' | 'already_running' | 'never_live' | 'pruned' | 'schema_incompatible';

export interface TargetInput {
  ledger: Ledger;
  /** Release id asked for; null or '' means the previous one. */
  requested: string | null;
  /** Manifests of the releases that the host still has, by id. */
  manifests: ReadonlyMap<string, Manifest>;
}

export type TargetResult =
  { ok: true; target: Running; manifest: Manifest } | { ok: false; code: TargetRefusal; message: string };

/**
 * Which release a rollback goes to. Without a name it is the one that was live before (see `previous`: two in a row toggle between two
 * releases); a longer way back needs the name. A named release must have gone live here once: one that failed its gate is not a
 * place to go back to. Refusals are decided before anything changes and say why.
 */
export function rollbackTarget({ ledger, requested, manifests }: TargetInput): TargetResult {
  const current = running(ledger);
  const history = liveHistory(ledger);
  const choices = [...new Set(history.map((item) => item.release))].filter(
    (release) => release !== current?.release && manifests.has(release),
  );
  const allowed = choices.length > 0 ? `available: ${choices.reverse().join(', ')}` : 'none is available';

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
  const reason = schemaReason(ledger, manifests, manifest);
  return reason === null ? { ok: true, target, manifest } : refuse('schema_incompatible', reason);
}

/**
 * Why the target cannot run on today's database, or null. The database is where the furthest migration left it, which is not always
 * the running release: after a rollback it is the one rolled back from, and a deploy that failed after its migrations counts too.
 */
function schemaReason(ledger: Ledger, manifests: ReadonlyMap<string, Manifest>, target: Manifest): string | null {
  let owner: Manifest | null = null;
  for (const entry of ledger) {
    const manifest = entry.release === null || !mayHaveMigrated(entry) ? undefined : manifests.get(entry.release);
    if (manifest && manifest.schema.after >= (owner?.schema.after ?? 0)) owner = manifest;
  }
  if (owner === null || target.schema.after >= owner.schema.after) return null;
  const oldest = owner.schema.oldestCompatible;
  const found = `release ${target.release} is of schema ${target.schema.after}, the database is at ${owner.schema.after} since release ${owner.release}`;
  if (oldest === null) return `${found}, which names no older release that can run on it`;
  if (isOlder(ledger, manifests, target, oldest)) return `${found}, which needs release ${oldest} or later`;
  return null;
}

const BEFORE_MIGRATION = new Set(['lock', 'plan', 'pull', 'verify']);

function mayHaveMigrated(entry: Ledger[number]): boolean {
  if (entry.outcome === 'refused') return false;
  return !(entry.outcome === 'failed' && entry.error && BEFORE_MIGRATION.has(entry.error.step));
}

/** By creation time where both manifests are here, else by the order of the ledger; unknown counts as older, the safe side. */
function isOlder(ledger: Ledger, manifests: ReadonlyMap<string, Manifest>, target: Manifest, oldest: string): boolean {
  const bound = manifests.get(oldest);
  if (bound !== undefined) return Date.parse(target.created) < Date.parse(bound.created);
  const at = ledger.findIndex((entry) => entry.release === oldest);
  return at === -1 || ledger.findIndex((entry) => entry.release === target.release) < at;
}

function refuse(code: TargetRefusal, message: string): TargetResult {
  return { ok: false, code, message };
}
