import { liveHistory, previous, running, type Ledger } from './ledger.ts';

export interface RetentionInput {
  ledger: Ledger;
  /** Ids of the releases that the host has now (directories below releases/). */
  present: readonly string[];
  /** How many releases that once went live to keep, the running one included. */
  keep?: number;
  /** Releases that must stay whatever the ledger says, such as the one that an operation works on. */
  protect?: readonly string[];
}

export interface Retention {
  /** Of those present, in their order. */
  keep: string[];
  prune: string[];
}

/**
 * Which releases stay on the host. Kept are the running and the previous one, the last `keep` (default 5) different releases that went
 * live, both sides of the latest rollback, and `protect`. Everything else goes, releases that never went live included.
 * While nothing ever went live nothing is pruned: an empty ledger beside release directories means that the ledger was lost.
 */
export function retention({ ledger, present, keep = 5, protect = [] }: RetentionInput): Retention {
  if (!Number.isInteger(keep) || keep < 1) throw new RangeError(`keep: ${keep} is not a whole number of at least 1`);
  const current = running(ledger);
  if (current === null) return { keep: [...present], prune: [] };

  const kept = new Set(protect);
  const newestFirst = [
    ...new Set(
      liveHistory(ledger)
        .map((item) => item.release)
        .reverse(),
    ),
  ];
  for (const release of newestFirst.slice(0, keep)) kept.add(release);
  const lastRollback = ledger.findLast((entry) => entry.outcome === 'rolled_back');
  for (const release of [current.release, previous(ledger)?.release, lastRollback?.release, lastRollback?.previous]) {
    if (release) kept.add(release);
  }
  return {
    keep: present.filter((release) => kept.has(release)),
    prune: present.filter((release) => !kept.has(release)),
  };
}
