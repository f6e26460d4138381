import type { Colour, EdgeCounts, Manifest } from '@delivery/release';
import { add, increase, NO_COUNTS, readEdgeMetrics } from './edge-metrics.ts';
import type { EdgeMetrics, ServiceCounts } from './edge-metrics.ts';

const READ_EVERY_MS = 1_000;

/** The edge's counters of one app while an operation lasts. */
export interface EdgeCounter {
  /** Reads now; to be called at the moments that matter. */
  read(): Promise<void>;
  /** Of a colour over all its services, in all the time that the edge remembers: before the operation and in it. */
  all(colour: Colour): ServiceCounts;
  /** Of a colour since the operation began. */
  seen(colour: Colour): ServiceCounts;
  close(): Promise<void>;
  /** What goes into the receipt: services that were asked at all. */
  receipt(): EdgeCounts[];
}

/** Adds up readings. Pure; `first` is what was counted before the first of them. */
export class EdgeTally {
  #last: EdgeMetrics | null = null;
  readonly #first = new Map<string, ServiceCounts>();
  readonly #seen = new Map<string, ServiceCounts>();

  take(reading: EdgeMetrics): void {
    for (const [service, counts] of reading) {
      if (this.#last === null) this.#first.set(service, counts);
      else {
        const more = increase(this.#last.get(service) ?? NO_COUNTS, counts);
        this.#seen.set(service, add(this.#seen.get(service) ?? NO_COUNTS, more));
      }
    }
    this.#last = reading;
  }

  first(service: string): ServiceCounts {
    return this.#first.get(service) ?? NO_COUNTS;
  }

  seen(service: string): ServiceCounts {
    return this.#seen.get(service) ?? NO_COUNTS;
  }
}

/**
 * Reads the edge's counters once a second from now on, so that what it counted for the old colour is known when it has forgotten it.
 * @param old colour that is live before the switch; null on a first deploy
 * @param read one reading; null where the edge gives none
 */
export function openEdgeCounter(
  app: string,
  services: readonly string[],
  old: Colour | null,
  read: () => Promise<EdgeMetrics | null> = readEdgeMetrics,
): EdgeCounter {
  const tally = new EdgeTally();
  let reading = Promise.resolve();
  const next = (): Promise<void> => {
    reading = reading.then(async () => {
      const found = await read();
      if (found !== null) tally.take(found);
    });
    return reading;
  };
  void next();
  const timer = setInterval(() => void next(), READ_EVERY_MS);
  timer.unref();
  const nameOf = (colour: Colour, service: string): string => `${app}-${colour}-${service}@file`;
  const sum = (colour: Colour, of: (name: string) => ServiceCounts): ServiceCounts =>
    services.reduce((total, service) => add(total, of(nameOf(colour, service))), NO_COUNTS);
  return {
    read: next,
    seen: (colour) => sum(colour, (name) => tally.seen(name)),
    all: (colour) => sum(colour, (name) => add(tally.first(name), tally.seen(name))),
    async close() {
      clearInterval(timer);
      await next();
    },
    receipt() {
      const colours = ['blue', 'green'] as const;
      return services.flatMap((service) =>
        colours.flatMap((colour) => {
          const { requests, errors, gateway } = tally.seen(nameOf(colour, service));
          const before = old === null ? NO_COUNTS : tally.first(nameOf(old, service));
          const earlier = { requests: before.requests, gateway: before.gateway };
          return requests === 0 ? [] : [{ service, colour, requests, errors, gateway, earlier }];
        }),
      );
    },
  };
}

/** Services of a release that the edge routes to. */
export function routedServices(manifest: Pick<Manifest, 'routes'>): string[] {
  return [...new Set(manifest.routes.map(({ service }) => service))];
}
