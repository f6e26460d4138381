import type { Replayed } from './replay.ts';

/** One row of the table that a rehearsal ends with. */
export interface Row {
  step: string;
  /** Workflow file and hash, or '' for what is no workflow. */
  workflow: string;
  happened: string;
  seconds: number;
  ok: boolean;
  replayed?: Replayed;
}

/** Draws rows as text; the last column is aligned to the right. Width of a column is that of its longest cell. */
export function drawTable(rows: readonly Row[]): string {
  const cells = [
    ['', 'step', 'workflow', 'what happened', 'seconds'],
    ...rows.map((row) => [row.ok ? 'ok' : 'FAILED', row.step, row.workflow, row.happened, row.seconds.toFixed(1)]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  const draw = (line: readonly string[]): string =>
    line
      .map((cell, column) =>
        column === line.length - 1 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd();
  return [draw(cells[0]!), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.slice(1).map(draw)].join('\n');
}

/** Lists, for each workflow that was replayed, the steps that ran and what the pre-pass had rewritten in its files. */
export function drawWorkflows(rows: readonly Row[]): string {
  const lines: string[] = [];
  const rewritten = new Set<string>();
  for (const { step, replayed } of rows) {
    if (replayed === undefined) continue;
    lines.push(`${step}: ${[replayed.workflow, ...replayed.called].join(' -> ')}`);
    const jobs = new Set(replayed.steps.map(({ job }) => job));
    for (const job of jobs) {
      const done = replayed.steps
        .filter((one) => one.job === job)
        .map((one) => (one.result === 'success' ? one.step : `${one.step} (${one.result})`));
      lines.push(`  ${job}: ${done.join(', ')}`);
    }
    for (const change of replayed.changes) rewritten.add(change);
  }
  if (rewritten.size > 0) lines.push('rewritten for act:', ...[...rewritten].map((change) => `  ${change}`));
  return lines.join('\n');
}
