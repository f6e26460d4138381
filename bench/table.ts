import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { format, resolveConfig } from 'prettier';
import { residentLine } from './resident.ts';
import type { Resident } from './resident.ts';
import { ROWS } from './rows.ts';
import type { Row } from './rows.ts';
import { median } from './sample.ts';
import type { Sample } from './sample.ts';

const ROOT = new URL('..', import.meta.url).pathname;

/** What one bench gave: samples by row, what is resident, the load average before each run. */
export interface Results {
  samples: Record<string, Sample[]>;
  resident: Resident;
  loads: number[];
  /** The app's own boot times, seconds; see bootTimes. */
  boots: number[];
}

/** min / **median** / max, or a dash where there is nothing to show. */
export function spread(values: readonly (number | null)[], digits: number): string {
  const there = values.filter((value) => value !== null);
  if (there.length === 0) return '–';
  const show = (value: number): string => value.toFixed(digits);
  if (there.length === 1) return show(there[0] ?? 0);
  return `${show(Math.min(...there))} / **${show(median(there))}** / ${show(Math.max(...there))}`;
}

const GOALS = { switched: 'switched', onHost: 'on the host', wall: 'whole' };

function reached({ goals }: Row, samples: readonly Sample[], bootSeconds: number): string {
  const said = goals.map(({ of, seconds, boot }) => {
    const bound = seconds + (boot === true ? bootSeconds : 0);
    const values = samples.map((sample) => sample[of]).filter((value) => value !== null);
    const found = values.length === 0 ? 'not seen' : median(values) <= bound ? 'yes' : '**no**';
    const said = boot === true ? `boot + ${seconds.toFixed(1)} s = ${bound.toFixed(2)} s` : `${seconds.toFixed(1)} s`;
    return `${GOALS[of]} ≤ ${said}: ${found}`;
  });
  return said.length === 0 ? '–' : said.join('; ');
}

/** The results as Markdown tables; "reached" goes by the median. */
export function tables({ samples: all, resident, loads, boots }: Results): string {
  const base = median((all['compose'] ?? []).map((sample) => sample.wall));
  const column = (samples: readonly Sample[], pick: (sample: Sample) => number | null, digits: number): string =>
    spread(samples.map(pick), digits);
  const lines = [
    '| What | n | Until switched, s | Of it on the host, s | Whole command, s | To reach | Failed of requests | p99 ms | Whole, against compose |',
    '|---|---|---|---|---|---|---|---|---|',
  ];
  for (const row of ROWS) {
    const samples = all[row.key];
    if (samples === undefined) continue;
    const failures = samples.reduce((sum, sample) => sum + sample.failures, 0);
    const requests = samples.reduce((sum, sample) => sum + sample.requests, 0);
    const per = row.key === 'compose' ? ` (per run ${column(samples, (sample) => sample.failures, 0)})` : '';
    const ratio = base > 0 ? `${(median(samples.map((sample) => sample.wall)) / base).toFixed(1)} ×` : '–';
    lines.push(
      `| ${[
        row.name,
        String(samples.length),
        column(samples, (sample) => sample.switched, 2),
        column(samples, (sample) => sample.onHost, 2),
        column(samples, (sample) => sample.wall, 2),
        reached(row, samples, median(boots)),
        `${String(failures)} of ${String(requests)}${per}`,
        column(samples, (sample) => sample.p99, 0),
        ratio,
      ].join(' | ')} |`,
    );
  }
  const deploys = ['deploy', 'fresh', 'mixed'].flatMap((key) => all[key] ?? []);
  const far = Object.entries(all).flatMap(([key, samples]) => (key.startsWith('far-') ? samples : []));
  const apart = [
    `- Boot time of the app, from its container's start to its first answer: ${spread(boots, 2)} s. After the switch, in the whole command of a deploy: drain ${column(deploys, (sample) => sample.drain, 1)} s` +
      ` (at least the 4 s after which the edge closes an idle connection), bake ${column(deploys, (sample) => sample.bake, 1)} s.`,
    `- At 40 ms: SSH connections per operation ${column(far, (sample) => sample.connections, 0)}, agents started on the host` +
      ` ${column(far, (sample) => sample.agents, 0)} (0 for a rollback that the watching agent carries out).`,
    `- Resident on the host between operations: ${residentLine(resident)}.`,
    `- Load average of the machine before each run: ${column(
      loads.map((load) => ({ wall: load }) as Sample),
      (sample) => sample.wall,
      1,
    )}.`,
  ];
  return `${lines.join('\n')}\n\n${apart.join('\n')}`;
}

/** What a section of docs/performance.md is made by. */
export interface Section {
  /** Names the markers. */
  name: 'bench' | 'bench-provision';
  text: string;
  command: string;
  /** What the machine carried meanwhile. */
  carried: string;
}

/** Puts the tables between their markers of docs/performance.md; the rest of the page is left as it is. */
export async function writeSection({ name, text, command, carried }: Section): Promise<void> {
  const file = `${ROOT}docs/performance.md`;
  const [opening, closing] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const page = existsSync(file) ? await readFile(file, 'utf8') : `# Performance\n\n${opening}\n${closing}\n`;
  const begin = page.indexOf(opening);
  const end = page.indexOf(closing);
  if (begin < 0 || end < begin)
    throw new Error(`docs/performance.md: the markers ${opening} and ${closing} are missing`);
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  const machine = `${String(cpus().length)} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const section = `Measured ${new Date().toISOString().slice(0, 10)} at commit ${commit} on one machine (${machine}) that carries ${carried}.
Where its load average was above 2 before a run, other work competed for the cores and the times are too high; failures count all the same.
Command: \`${command}\`. Numbers are min / **median** / max; "reached" goes by the median.

${text}
`;
  const whole = `${page.slice(0, begin)}${opening}\n\n${section}\n${page.slice(end)}`;
  await writeFile(file, await format(whole, { ...(await resolveConfig(file)), filepath: file }));
}
