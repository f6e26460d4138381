import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import type { Sample } from './subjects.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

const NAMES: Record<string, string> = {
  compose: '`docker compose pull && docker compose up -d`',
  deploy: 'deploy',
  fresh: 'deploy, 5 MB layer never seen',
  mixed: 'deploy, mixed load (POST, upload, slow, HTTP/2, WebSocket, stream)',
  rollback: 'rollback to the warm colour',
  crash: 'crash at boot, until refused',
};

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}

/** min / **median** / max, or a dash where there is nothing to show. */
function spread(values: readonly (number | null)[], digits: number): string {
  const there = values.filter((value) => value !== null);
  if (there.length === 0) return '–';
  const show = (value: number): string => value.toFixed(digits);
  return `${show(Math.min(...there))} / **${show(median(there))}** / ${show(Math.max(...there))}`;
}

/** The results as one Markdown table; the last column compares the whole action with plain compose's command. */
export function rows(results: Record<string, Sample[]>): string {
  const base = median((results['compose'] ?? []).map((sample) => sample.wall));
  const lines = [
    '| What | n | Until switched, s | Whole command, s | First new answer, s | Failed of requests | p99 ms | Whole, against compose |',
    '|---|---|---|---|---|---|---|---|',
  ];
  for (const [key, samples] of Object.entries(results)) {
    const failures = samples.reduce((sum, sample) => sum + sample.failures, 0);
    const requests = samples.reduce((sum, sample) => sum + sample.requests, 0);
    const per =
      key === 'compose'
        ? ` (per run ${spread(
            samples.map((sample) => sample.failures),
            0,
          )})`
        : '';
    lines.push(
      `| ${[
        NAMES[key] ?? key,
        String(samples.length),
        spread(
          samples.map((sample) => sample.switched),
          1,
        ),
        spread(
          samples.map((sample) => sample.wall),
          1,
        ),
        spread(
          samples.map((sample) => sample.firstNew),
          1,
        ),
        `${String(failures)} of ${String(requests)}${per}`,
        spread(
          samples.map((sample) => sample.p99),
          0,
        ),
        `${(median(samples.map((sample) => sample.wall)) / base).toFixed(1)} ×`,
      ].join(' | ')} |`,
    );
  }
  return lines.join('\n');
}

/** Puts the table between the markers of docs/performance.md; the rest of the page is left as it is. */
export async function writeSection(table: string, runs: number, loadBefore: number): Promise<void> {
  const file = `${ROOT}docs/performance.md`;
  const page = existsSync(file) ? await readFile(file, 'utf8') : `# Performance\n\n${BEGIN}\n${END}\n`;
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`docs/performance.md: the markers ${BEGIN} and ${END} are missing`);
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  const machine = `${String(cpus().length)} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const text = `Measured ${new Date().toISOString().slice(0, 10)} at commit ${commit} on one machine (${machine}) that carries the registry, the runner, the VPS and the load;
its load average was ${loadBefore.toFixed(1)} before the bench began (above 1, other work was competing and every number is too high).
Command: \`npm run bench -- --runs ${String(runs)} --write\`. Numbers are min / **median** / max.

${table}
`;
  await writeFile(file, `${page.slice(0, begin)}${BEGIN}\n\n${text}\n${page.slice(end)}`);
}
