import { historyLines } from '../human.ts';
import { readTruth } from '../truth.ts';
import { sayJson, sayLines } from './call.ts';
import type { Call } from './call.ts';

/** The whole ledger, oldest first: one JSON document, or lines for a person. */
export function history({ paths, terminal }: Call): number {
  const { ledger } = readTruth(paths);
  return terminal ? sayLines(historyLines(ledger)) : sayJson(ledger);
}
