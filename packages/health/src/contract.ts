/** A literal that the answer's JSON document must hold. */
export type Literal = string | number | boolean | null;

/** What a healthy answer looks like, and how many of them make a verdict. */
export interface HealthContract {
  status: number;
  /** Dotted path in the JSON document -> the literal expected there. Empty: any body will do. */
  json: Readonly<Record<string, Literal>>;
  /** Value that the `X-Release` header must have; null: any. */
  release: string | null;
  /** Passes in a row that are needed. */
  consecutive: number;
  /** Upper bound for the 95th percentile over the passes in a row, milliseconds; null: none. */
  maxP95Ms: number | null;
  /** Passes that a percentile is taken over at least; `P95_SAMPLES` where it is left out. */
  samples?: number;
  /** How many of the first passes are left out of it: an app's first answers are its slowest. None where it is left out. */
  warmup?: number;
}

/** Fewer passes say nothing about a 95th percentile: it would be their slowest one. */
export const P95_SAMPLES = 20;
