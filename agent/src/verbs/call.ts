import { ContractError } from '@delivery/release';
import type { Envelope } from '@delivery/release';
import type { Paths } from '../paths.ts';

/** One call of the launcher, as its verb gets it. */
export interface Call {
  app: string;
  paths: Paths;
  /** What follows the verb and the app; the verb checks it. */
  args: string[];
  /** Who called from a shell on the host; '' over the deploy key. */
  actor: string;
  /** Standard output is a terminal: a person reads it. Else the answer is JSON. */
  terminal: boolean;
  /** Standard input to its end; a verb that can do without gets one that was made. Throws ContractError `envelope` for one that is none. */
  envelope: () => Envelope;
}

/** Does what is asked and gives the exit code; a ContractError is a call that cannot be understood, and nothing has been done then. */
export type Verb = (call: Call) => Promise<number> | number;

/** Prints one JSON document. */
export function sayJson(document: unknown): number {
  process.stdout.write(`${JSON.stringify(document)}\n`);
  return 0;
}

/** Prints lines for people. */
export function sayLines(lines: readonly string[]): number {
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

export function badCall(message: string): ContractError {
  return new ContractError('call', message);
}

/** Throws ContractError `call` where there are more arguments than `most`. */
export function atMost(args: readonly string[], most: number, verb: string): void {
  if (args.length > most) throw badCall(`${verb}: takes at most ${String(most)} arguments`);
}
