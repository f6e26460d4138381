/** One way of asking. What it throws is a failure; its message is one line for people. */
export interface Asker {
  /**
   * @param holdMs how long a kind that holds its connection holds it
   * @returns milliseconds, where the time of the whole call would say something else
   */
  ask(holdMs: number): Promise<number | undefined>;
  close(): Promise<void>;
}

/** An answer that is there and wrong. */
export class WrongAnswer extends Error {}

/** One line about what was thrown, without the address that it came from. */
export function explain(error: unknown): string {
  if (error instanceof WrongAnswer) return error.message;
  const all = error instanceof AggregateError && error.errors.length > 0 ? (error.errors[0] as unknown) : error;
  const { code, message = String(all) } = all as { code?: string; message?: string };
  return code === undefined ? message : `${code}: ${message}`;
}
