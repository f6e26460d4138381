/** What the plain progress of buildx tells about one target. */
export interface TargetProgress {
  steps: number;
  cached: number;
  /** Sum of the steps' own times; steps of one target may run beside each other. */
  seconds: number;
}

/**
 * Reads buildx's plain progress: `#7 [web build 2/5] RUN npm ci`, then `#7 CACHED` or `#7 DONE 3.2s`.
 * With a single target buildx leaves the target's name out.
 */
export function readProgress(lines: readonly string[], targets: readonly string[]): Record<string, TargetProgress> {
  const result: Record<string, TargetProgress> = Object.fromEntries(
    targets.map((target) => [target, { steps: 0, cached: 0, seconds: 0 }]),
  );
  const owners = new Map<string, TargetProgress>();
  for (const line of lines) {
    const [, number = '', rest = ''] = /^#(\d+) (.*)$/.exec(line) ?? [];
    // A base image is resolved anew in each build, so it is never said to be cached.
    const step = /^\[([^\]]*\d+\/\d+)\] (?!FROM )/.exec(rest)?.[1];
    if (step !== undefined) {
      const named =
        targets.find((target) => step.startsWith(`${target} `)) ?? (targets.length === 1 ? targets[0] : undefined);
      const target = named === undefined ? undefined : result[named];
      if (target === undefined || owners.has(number)) continue;
      owners.set(number, target);
      target.steps += 1;
    }
    const owner = owners.get(number);
    if (owner === undefined) continue;
    if (rest === 'CACHED') owner.cached += 1;
    const done = /^DONE (\d+(?:\.\d+)?)s$/.exec(rest);
    if (done) owner.seconds += Number(done[1]);
  }
  return result;
}

/** Lines of buildx that frame others or say nothing about a failure. */
const NOISE = /^(#\d+ |\s*$|-+$|Dockerfile:\d+$| +\d+ \||View build details)/;
/** At most this much of one line: a build's output may hold anything. */
const MAX_LINE = 300;

/**
 * Why a build failed, in a few lines: the last words of the step that failed, then buildx's own verdict.
 * After a failure buildx repeats that step's output between two lines of dashes: ` > [web 4/5] RUN ...:` and lines with their times.
 */
export function readFailure(lines: readonly string[]): string[] {
  const end = lines.findLastIndex((line) => /^-{6,}$/.test(line) && !/^-{20,}$/.test(line));
  const start = end < 1 ? -1 : lines.findLastIndex((line, index) => index < end && /^-{6,}$/.test(line));
  const quoted = start < 0 ? [] : lines.slice(start + 1, end);
  const step = quoted.filter((line) => line.startsWith(' > ')).slice(-1);
  const words = quoted.filter((line) => !line.startsWith(' > ') && line.trim() !== '').slice(-4);
  const verdict = lines
    .slice(end + 1)
    .filter((line) => !NOISE.test(line))
    .slice(-1);
  return [...step, ...words, ...verdict].map((line) =>
    line
      .replace(/^\d+\.\d+ /, '')
      .replace(/\p{Cc}/gu, ' ')
      .trim()
      .slice(0, MAX_LINE),
  );
}
