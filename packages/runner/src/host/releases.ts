import {
  previous,
  retention,
  rollbackChoices,
  wentLive,
  type Ledger,
  type LedgerEntry,
  type Status,
} from '@delivery/release';
import { escapeMarkdown, table } from '../summary.ts';

/** Releases that are listed whatever became of them; what can be gone back to is listed however long ago it was. */
const LATEST = 10;
const MOST = 30;

type Named = LedgerEntry & { release: string };

/**
 * The releases of a host for the summary of a rollback, the latest operation first: how each ended, and whether its id may be given as
 * the input `release`.
 * @param ledger the whole of it, or as much of its end as is known
 * @param live the release that visitors are on
 * @param has the releases that the host says it still has; without, those that it keeps by its own rule
 */
export function releaseParts(ledger: Ledger, live: string | null, has?: Status['releases']): string[] {
  const title = '### Releases on this host';
  const all = latestOfEach(ledger);
  if (all.length === 0) return [title, 'None was ever deployed here.'];
  const images = new Map(has?.map((kept) => [kept.release, kept.images]) ?? keptByRule(ledger, all));
  const choices = rollbackChoices(ledger, images).filter((id) => id !== live && images.get(id) === 'here');
  const standard = previous(ledger)?.release ?? null;
  const goBack = (release: string): string => {
    if (release === live) return 'live now';
    if (choices.includes(release)) return release === standard ? 'yes, the default' : 'yes';
    if (images.get(release) === 'gone') return 'no: its images are gone from the host';
    if (ledger.some((entry) => entry.release === release && wentLive(entry))) return 'no: not kept here any more';
    return isWhole(ledger) ? 'no: never proved itself here' : 'not known';
  };
  const shown = all.filter(({ release }, index) => index < LATEST || release === live || choices.includes(release));
  const rows = shown
    .slice(0, MOST)
    .map((entry) => [entry.release, when(entry.t), howItEnded(entry), goBack(entry.release)]);
  return [
    title,
    table(['release', 'last operation', 'how it ended', 'can be gone back to'], rows),
    whatNext(choices, standard),
  ];
}

/** The last operation on each release, the latest first. `backing` is no part of the history of releases. */
function latestOfEach(ledger: Ledger): Named[] {
  const found = new Map<string, Named>();
  for (const entry of [...ledger].reverse()) {
    const { release, verb } = entry;
    if (release !== null && verb !== 'backing' && !found.has(release)) found.set(release, { ...entry, release });
  }
  return [...found.values()];
}

function keptByRule(ledger: Ledger, all: readonly Named[]): [string, 'here'][] {
  return retention({ ledger, present: all.map(({ release }) => release) }).keep.map((release) => [release, 'here']);
}

/** Whether its first entry is that of the first operation ever. */
function isWhole(ledger: Ledger): boolean {
  return ledger[0]?.seq === 1;
}

function when(t: string): string {
  return `${new Date(t).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function howItEnded({ verb, outcome, error }: LedgerEntry): string {
  if (outcome === 'rolled_back') return 'rolled back to';
  if (outcome === 'deployed') return 'deployed';
  return `${verb} ${outcome}${error ? ` at ${error.step} (${error.code})` : ''}`;
}

function whatNext(choices: readonly string[], standard: string | null): string {
  if (choices.length === 0) return 'None of them can be gone back to: deploy the release that you want.';
  const without =
    standard !== null && choices.includes(standard) ? ` Without an id it goes to ${escapeMarkdown(standard)}.` : '';
  return `To go back to one of them, run this action again with its id as \`release\`.${without} The host checks its images, its secrets and the database before it changes anything. One that cannot be gone back to comes back with a deploy of it.`;
}
