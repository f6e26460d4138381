/** One row of the table that a rehearsal ends with. */
export interface Row {
  step: string;
  /** Workflow file and hash, or '' for what is no workflow. */
  workflow: string;
  happened: string;
  seconds: number;
  ok: boolean;
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
