import type { Colour, Manifest, Phase, Receipt } from '@delivery/release';
import { openEdgeCounter, routedServices } from './edge-counter.ts';
import type { EdgeCounter } from './edge-counter.ts';
import { holdFor, openProber } from './prober/index.ts';
import type { Prober } from './prober/index.ts';
import type { Run } from './run.ts';

/** Who sees whether anybody noticed an operation: the prober on the public path, and the edge's own counters. */
export interface Witness {
  readonly prober: Pick<Prober, 'samples'>;
  readonly edge: Pick<EdgeCounter, 'all' | 'seen' | 'read'>;
  /** Colour that was live when it began; null on a first deploy. */
  readonly old: Colour | null;
  /** To be told when the route is about to be renamed (`during`) and when the switch is confirmed (`after`). */
  enter(phase: Phase): void;
  /**
   * Ends the watch.
   * @param cut connections of the old colour that were cut
   */
  close(cut: () => number): Promise<Receipt | null>;
}

/** @param before release that is live, with its colour; null on a first deploy */
export function openWitness(
  run: Pick<Run, 'paths' | 'app' | 'events'>,
  manifest: Manifest,
  before: { manifest: Manifest; colour: Colour | null } | null,
  drainSeconds: number,
): Witness {
  const services = new Set([...routedServices(manifest), ...(before === null ? [] : routedServices(before.manifest))]);
  const old = before?.colour ?? null;
  const edge = openEdgeCounter(run.app, [...services], old);
  const prober = openProber(run.paths, manifest, before?.manifest ?? null, holdFor(drainSeconds), (message) =>
    run.events.log('warning', message),
  );
  return {
    prober,
    edge,
    old,
    enter(phase) {
      prober.enter(phase);
      void edge.read();
    },
    async close(cut) {
      const [seen] = await Promise.all([prober.close(), edge.close()]);
      return seen === null ? null : { ...seen, cut: cut(), edge: edge.receipt() };
    },
  };
}
