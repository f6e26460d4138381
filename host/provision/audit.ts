import type { Finding } from './finding.ts';

/**
 * Something that the host says about itself after the last task: what it runs and enforces, not what its files say.
 * A topic exports its own beside its tasks; `hostReadings` in readings.ts puts them together.
 */
export interface Reading {
  /** Lower-case letters, digits and underscores: also the name of a shell function. */
  id: string;
  /** For people: what was looked at. */
  what: string;
  /** Body of a shell function; what it prints is the value, lines and all. Changes nothing, and is quick. */
  shell: string;
  /** What speaks against the host in that value; nothing where it is as it should be. Pure. */
  judge: (value: string) => Finding[];
}

/** A reading with the value that the host gave. */
export interface ReadValue {
  id: string;
  what: string;
  value: string;
}

/** Judges every reading by its value. One that did not come is a finding: what was not looked at is not proven. */
export function audit(readings: readonly Reading[], values: ReadonlyMap<string, string>): Finding[] {
  return readings.flatMap(({ id, what, judge }) => {
    const value = values.get(id);
    return value === undefined ? [{ what, found: 'no answer', allowed: 'an answer of the host' }] : judge(value);
  });
}

/** Shell for the end of the script: each reading as a function and a line with its value. */
export function readingsShell(readings: readonly Reading[]): string {
  const functions = readings.map(({ id, shell }) => `reading_${id}() {\n${shell.trim()}\n}`);
  return [
    ...functions,
    // All at once: most of them wait for Docker or Python to start.
    ...readings.map(({ id }) => `reading_${id} >"$work/reading_${id}" 2>/dev/null &`),
    'wait',
    ...readings.map(({ id }) => `proof ${id} "$(cat "$work/reading_${id}")"`),
    'proof end done',
  ].join('\n');
}

/** Settings as `name value` lines, such as `sshd -T` prints them. */
export function settings(value: string): Map<string, string> {
  return new Map(
    value
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map((line) => {
        const [name = '', ...rest] = line.split(/\s+/);
        return [name.toLowerCase(), rest.join(' ')];
      }),
  );
}
