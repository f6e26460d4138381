/** Version of the agent; a release names the oldest that can run it. */
export const VERSION = '0.1.0';

/** Formats that this agent reads and writes. */
export const FORMATS = { manifest: 1, envelope: 1, events: 1, ledger: 1, policy: 1, signature: 1 };

/** Whether version `a` (x.y.z) comes before `b`. */
export function olderThan(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let index = 0; index < 3; index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
