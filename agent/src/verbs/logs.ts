import type { Replica } from '../colour.ts';
import type { LogLine } from '../container.ts';
import { Docker } from '../docker.ts';
import { plain } from '../human.ts';
import { liveContainers, liveRelease } from '../live.ts';
import { masker } from '../mask.ts';
import { hostSecrets } from '../secrets.ts';
import { atMost, badCall, sayLines } from './call.ts';
import type { Call } from './call.ts';

const DEFAULT_LINES = 100;
const MOST_LINES = 2000;
/** Characters of one line; a program that logs a document in one line must not fill the terminal with it. */
const LINE_CHARACTERS = 4000;

export interface Wanted {
  service: string | null;
  lines: number;
}

/** `[service [lines]]`, checked. Throws ContractError `call`. */
export function wantedLogs(args: readonly string[]): Wanted {
  atMost(args, 2, 'logs');
  const [service = null, count] = args;
  if (count === undefined) return { service, lines: DEFAULT_LINES };
  const lines = /^[1-9]\d{0,3}$/.test(count) ? Number(count) : Number.NaN;
  if (!(lines <= MOST_LINES)) throw badCall(`logs: lines: must be a whole number from 1 to ${String(MOST_LINES)}`);
  return { service, lines };
}

/** The containers that are asked for: those of the release alone, or of one service, a backing one too. Throws for an unknown name. */
export function pickReplicas(all: readonly Replica[], service: string | null): Replica[] {
  if (service === null) return all.filter(({ spec }) => spec.role !== 'backing');
  const picked = all.filter(({ spec }) => spec.service === service);
  const names = [...new Set(all.map(({ spec }) => spec.service))];
  if (picked.length === 0)
    throw badCall(
      `logs: service ${JSON.stringify(service)}: has no container; there are ${names.join(', ') || 'none'}`,
    );
  return picked;
}

/** One log line with the container that it is of. */
export interface NamedLine extends LogLine {
  service: string;
  container: string;
}

/** The last `lines` of all of them by time, each cut to a bounded length after it was masked. */
export function mergeLogs(lines: readonly NamedLine[], most: number, mask: (text: string) => string): NamedLine[] {
  return [...lines]
    .sort((a, b) => (a.t < b.t ? -1 : a.t > b.t ? 1 : 0))
    .slice(-most)
    .map((line) => {
      const text = mask(line.text);
      return { ...line, text: text.length > LINE_CHARACTERS ? `${text.slice(0, LINE_CHARACTERS)}…` : text };
    });
}

/** The last lines that the live release's containers have written, secrets masked: JSON lines, or lines for a person. */
export async function logs({ paths, args, terminal }: Call): Promise<number> {
  const wanted = wantedLogs(args);
  const release = liveRelease(paths);
  if (release === null) throw badCall('logs: no release is live here');
  const docker = new Docker();
  try {
    const picked = pickReplicas(await liveContainers(docker, release), wanted.service);
    const found = await Promise.all(
      picked.map(async ({ spec, container }) =>
        (await docker.logLines(container.id, wanted.lines)).map((line) => ({
          ...line,
          service: spec.service,
          container: container.name,
        })),
      ),
    );
    const lines = mergeLogs(found.flat(), wanted.lines, masker(Object.values(hostSecrets(paths))));
    if (lines.length === 0) return 0;
    if (!terminal) return sayLines(lines.map((line) => JSON.stringify({ v: 1, ...line })));
    const width = Math.max(...lines.map(({ container }) => container.length));
    return sayLines(
      lines.map(({ t, container, text }) => `${t.slice(0, 23)}Z  ${container.padEnd(width)}  ${plain(text)}`),
    );
  } finally {
    await docker.close();
  }
}
