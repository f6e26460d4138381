import type { Ledger, LedgerEntry, Status } from '@delivery/release';
import type { Container } from './container.ts';

/** What a line of the ledger or of a container may not do to the terminal of whoever reads it. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').trim();
}

/** Columns under each other, two blanks between them; the last one is as long as it is. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** How long ago, in the largest unit that says enough: `40 s`, `5 min`, `3 h`, `12 d`. */
export function ago(since: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(since)) / 1000));
  if (seconds < 120) return `${String(seconds)} s`;
  if (seconds < 2 * 3600) return `${String(Math.floor(seconds / 60))} min`;
  if (seconds < 48 * 3600) return `${String(Math.floor(seconds / 3600))} h`;
  return `${String(Math.floor(seconds / 86_400))} d`;
}

/** Milliseconds as `312 ms` or `4.2 s`. */
export function took(ms: number): string {
  return ms < 1000 ? `${String(Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** What one container does, in a word or two. */
export function stateOf(container: Container): string {
  if (container.restarting) return `restarting (exit code ${String(container.exitCode)})`;
  if (container.paused) return 'frozen';
  if (!container.running) return `stopped (exit code ${String(container.exitCode)})`;
  return container.health === null ? 'running' : `running, ${container.health}`;
}

/**
 * `status` for a person: what runs, what a rollback goes to, what is under way, the last operations.
 * @param containers of the live release and its backing services, as they are now
 */
export function statusLines(status: Status, containers: readonly Container[], now: Date): string[] {
  const of = (live: Status['running']): string[] =>
    live === null
      ? ['none']
      : [live.release, live.colour ?? 'no colour', `since ${live.since} (${ago(live.since, now)})`];
  const { operation } = status;
  const by = operation === null || operation.actor === '' ? '' : ` by ${plain(operation.actor)}`;
  return [
    `app ${status.app}`,
    '',
    ...columns([
      ['running', ...of(status.running)],
      ['before it', ...of(status.previous)],
    ]),
    `under way  ${operation === null ? 'nothing' : `${operation.verb} ${operation.id}${by} since ${operation.startedAt} (${ago(operation.startedAt, now)})`}`,
    ...(status.notes ?? []).map((note) => `note       ${plain(note)}`),
    '',
    'containers',
    ...(containers.length === 0
      ? ['  none']
      : columns(
          containers.map((container) => [
            `  ${container.name}`,
            stateOf(container),
            container.restartCount > 0 ? `restarted ${String(container.restartCount)} times` : '',
          ]),
        )),
    ...(status.notes ?? []).map((note) => `note: ${plain(note)}`),
    '',
    'last operations',
    ...historyLines(status.ledger.slice(-5)).map((line) => `  ${line}`),
  ];
}

/** The ledger for a person, oldest first. */
export function historyLines(ledger: Ledger): string[] {
  if (ledger.length === 0) return ['nothing was ever deployed'];
  return columns([['when', 'what', 'outcome', 'release', 'took', 'by', ''], ...ledger.map(historyRow)]);
}

function historyRow(entry: LedgerEntry): string[] {
  const error = entry.error ? `${entry.error.step}: ${plain(entry.error.message)}` : '';
  return [
    entry.t,
    entry.verb,
    entry.outcome,
    entry.release ?? '-',
    took(entry.durationMs),
    plain(entry.actor) || '-',
    error.length > 160 ? `${error.slice(0, 159)}…` : error,
  ];
}
