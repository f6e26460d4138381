import { setTimeout as sleep } from 'node:timers/promises';
import type { Manifest } from '@delivery/release';
import type { Paths } from '../paths.ts';
import { ANSWER_MS, publicClient, questionFor, trust } from '../steps/confirm.ts';

const PAUSE_MS = 20;

/** One answer of the public path: when it was asked for, when it came (milliseconds of one clock), and whether it was sound. */
export interface Sample {
  askedAt: number;
  endedAt: number;
  sound: boolean;
}

/** How visitors noticed a change: from the first answer that failed to the first sound one after the last failure. */
export interface Blip {
  ms: number;
  failed: number;
  probes: number;
}

/** The blip in samples that are in order of time; one that never ended lasts up to the last sample. */
export function blipOf(samples: readonly Sample[]): Blip {
  const first = samples.find(({ sound }) => !sound);
  const failed = samples.filter(({ sound }) => !sound).length;
  if (first === undefined) return { ms: 0, failed, probes: samples.length };
  const last = samples.findLastIndex(({ sound }) => !sound);
  const end = samples[last + 1]?.endedAt ?? samples[last]?.endedAt ?? first.askedAt;
  return { ms: Math.round(end - first.askedAt), failed, probes: samples.length };
}

/** Asks the health path of the app's first route on the public path, one question after the other, until it is closed. */
export class PublicPath {
  private readonly samples: Sample[] = [];
  private readonly loop: Promise<void>;
  private open = true;

  private constructor(ask: () => Promise<boolean>, done: () => Promise<void>) {
    this.loop = (async () => {
      while (this.open) {
        const askedAt = performance.now();
        const sound = await ask();
        this.samples.push({ askedAt, endedAt: performance.now(), sound });
        await sleep(PAUSE_MS);
      }
      await done();
    })();
  }

  /** Null for a release without routes. */
  static watch(paths: Paths, manifest: Manifest): PublicPath | null {
    const route = manifest.routes[0];
    if (route === undefined) return null;
    const { path, status } = questionFor(route, manifest);
    const client = publicClient(route, trust(paths));
    return new PublicPath(
      async () => {
        try {
          const headers = { host: route.host, 'user-agent': 'delivery-agent' };
          const answer = await client.request({
            method: 'GET',
            path,
            headers,
            // undici never answers again on a client that was once refused for the name in the certificate.
            signal: AbortSignal.timeout(ANSWER_MS),
          });
          await answer.body.dump();
          return status === null ? answer.statusCode < 500 : answer.statusCode === status;
        } catch {
          return false;
        }
      },
      () => client.destroy(),
    );
  }

  /** Waits until `count` answers in a row, all asked for from now on, were sound; false when `ms` have passed without. */
  async soundWithin(ms: number, count = 3): Promise<boolean> {
    const from = performance.now();
    while (performance.now() - from < ms) {
      const since = this.samples.filter(({ askedAt }) => askedAt >= from).slice(-count);
      if (since.length === count && since.every(({ sound }) => sound)) return true;
      await sleep(PAUSE_MS);
    }
    return false;
  }

  async close(): Promise<Blip> {
    this.open = false;
    await this.loop;
    return blipOf(this.samples);
  }
}
