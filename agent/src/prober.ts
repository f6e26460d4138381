import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';
import { percentile } from '@delivery/health';
import type { Manifest, Receipt } from '@delivery/release';
import type { Paths } from './paths.ts';
import { questionFor, trust } from './steps/confirm.ts';

/** Pause between two requests, milliseconds: enough of them to see a gap, few enough to cost nothing. */
const KEPT_MS = 50;
const FRESH_MS = 200;
const ANSWER_MS = 5_000;

export interface Prober {
  /** Ends the probing; null where there was nothing to probe. */
  close(): Promise<Omit<Receipt, 'cut'> | null>;
}

/**
 * Asks the app on the public path all the while a release is switched: on a kept connection and on fresh ones. Every answer other than
 * the health contract's is a failure. A site that does not answer soundly at the beginning is not probed: there is nothing to lose.
 * @param manifest of the release that comes; null on a first deploy
 */
export function openProber(paths: Paths, manifest: Manifest | null): Prober {
  const route = manifest?.routes[0];
  if (manifest === null || route === undefined) return { close: () => Promise.resolve(null) };
  const { path, status } = questionFor(route, manifest);
  const trusted = trust(paths);
  const connect = (): Client =>
    new Client('https://127.0.0.1:443', {
      connect: { servername: route.host, timeout: 2000, ...trusted },
      headersTimeout: ANSWER_MS,
      bodyTimeout: ANSWER_MS,
    });
  const times: number[] = [];
  let failures = 0;
  let open = true;

  const ask = async (client: Client): Promise<boolean> => {
    try {
      const answer = await client.request({
        method: 'GET',
        path,
        headers: { host: route.host, 'user-agent': 'delivery-prober' },
      });
      await answer.body.dump();
      return status === null ? answer.statusCode < 500 : answer.statusCode === status;
    } catch {
      return false;
    }
  };
  const loop = async (pause: number, fresh: boolean): Promise<void> => {
    let client = connect();
    while (open) {
      const began = performance.now();
      const sound = await ask(client);
      times.push(performance.now() - began);
      if (!sound) failures += 1;
      if (fresh || !sound) {
        await client.destroy();
        client = connect();
      }
      await sleep(pause);
    }
    await client.destroy();
  };
  const probing = (async () => {
    const first = connect();
    const sound = await ask(first);
    await first.destroy();
    if (!sound) return false;
    await Promise.all([loop(KEPT_MS, false), loop(FRESH_MS, true)]);
    return true;
  })();
  return {
    async close() {
      open = false;
      if (!(await probing) || times.length === 0) return null;
      const at = (percent: number): number => Math.round((percentile(times, percent) ?? 0) * 10) / 10;
      return { requests: times.length, failures, p50Ms: at(50), p95Ms: at(95), p99Ms: at(99) };
    },
  };
}
