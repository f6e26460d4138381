import * as core from '@actions/core';

/** Shorter values are not masked: they would blank out innocent text everywhere. */
const SHORTEST = 4;

/** First and last line of a PEM block: no secret, and part of many honest messages. */
const FRAME = /^-----(BEGIN|END) [A-Z0-9 ]+-----$/;

const known = new Set<string>();

/** Hides a secret in the log, whole and line by line, and in everything that goes through `redact`. */
export function maskSecret(value: string): void {
  const parts = new Set([value.trim(), ...value.split(/\r\n|\n|\r/).map((line) => line.trim())]);
  for (const part of parts) {
    if (part.length < SHORTEST || FRAME.test(part) || known.has(part)) continue;
    known.add(part);
    core.setSecret(part);
  }
}

/** Replaces every masked secret by `***`: for summaries, outputs and errors, which not every runner scrubs itself. */
export function redact(text: string): string {
  let clean = text;
  for (const secret of [...known].sort((a, b) => b.length - a.length)) clean = clean.replaceAll(secret, '***');
  return clean;
}
