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
  const result: Record<string, TargetProgress> = Object.fromEntries(targets.map((target) => [target, { steps: 0, cached: 0, seconds: 0 }]));
  const owners = new Map<string, TargetProgress>();
  for (const line of lines) {
    const [, number = '', rest = ''] = /^#(\d+) (.*)$/.exec(line) ?? [];
    const step = /^\[([^\]]*\d+\/\d+)\]/.exec(rest)?.[1];
    if (step !== undefined) {
      const named = targets.find((target) => step.startsWith(`${target} `)) ?? (targets.length === 1 ? targets[0] : undefined);
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

/** Progress that says nothing about a failure: what was done, loaded or transferred. */
const NOISE = /^(#\d+ (DONE|CACHED|transferring|sha256:|extracting|\.\.\.)|#\d+ \[internal\]|\s*$|-+$)/;

/** The last lines of a failed build that mean something, without the numbers and times in front. */
export function meaningfulTail(lines: readonly string[], count: number): string[] {
  return lines
    .filter((line) => !NOISE.test(line))
    .map((line) => line.replace(/^#\d+ (\d+\.\d+ )?/, '').trimEnd())
    .filter((line, index, all) => line !== all[index - 1])
    .slice(-count);
}
