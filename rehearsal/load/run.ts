import { setTimeout as sleep } from 'node:timers/promises';
import { get, Http2, post, slow, stream, upload } from './requests.ts';
import type { Context } from './requests.ts';
import { Recorder } from './report.ts';
import type { Report } from './report.ts';
import { holdSocket } from './sockets.ts';
import { agentFor } from './target.ts';
import type { Target } from './target.ts';

export interface LoadOptions {
  target: Target;
  /** requests per second, scheduled by the clock: 1 to 2000 */
  rate: number;
  /** at most 900 */
  seconds: number;
  /** `get`: keep-alive GET only; `fresh`: a connection per GET; `mixed`: everything the fixture app offers */
  mix: 'get' | 'fresh' | 'mixed';
  /** of one request; a slow request or stream gets its own length on top */
  timeoutMs?: number;
  slowSeconds?: number;
  streamSeconds?: number;
  socketSeconds?: number;
}

export interface Load {
  /** Sends nothing more, waits for what is in flight, reports. */
  stop(): Promise<Report>;
  /** Resolves when the time is over or after stop(). */
  done: Promise<Report>;
}

/** What a mixed load sends, over 20 requests. */
const MIXED =
  'get fresh post get http2 get post get fresh http2 get post get fresh get http2 get post get upload'.split(' ');

/**
 * Starts an open-loop load: each request goes out when the clock says so, however slow the answers are, and its latency counts from
 * that moment. Nothing is retried. Long-lived traffic of the mixed load (2 slow requests, 2 streams, 4 WebSockets) is held beside it.
 */
export function startLoad(options: LoadOptions): Load {
  const { target, rate, seconds, mix } = options;
  if (!(rate >= 1 && rate <= 2000)) throw new Error(`rate: 1 to 2000 per second, found ${String(rate)}`);
  if (!(seconds > 0 && seconds <= 900))
    throw new Error(`seconds: more than 0 and at most 900, found ${String(seconds)}`);
  const timeoutMs = options.timeoutMs ?? 15_000;
  const recorder = new Recorder();
  const context: Context = {
    target,
    recorder,
    keepAlive: agentFor(target, timeoutMs),
    timeoutMs,
    slowSeconds: options.slowSeconds ?? 20,
    streamSeconds: options.streamSeconds ?? 5,
  };
  const http2 = new Http2(context);
  const open = new Set<Promise<void>>();
  let stopped = false;
  let sent = 0;

  const track = (work: Promise<void>): void => {
    open.add(work);
    void work.finally(() => open.delete(work));
  };
  const one = (index: number, scheduled: number): Promise<void> => {
    const kind = mix === 'mixed' ? MIXED[index % MIXED.length] : mix;
    if (kind === 'fresh') return get(context, scheduled, true);
    if (kind === 'post') return post(context, scheduled);
    if (kind === 'upload') return upload(context, scheduled);
    if (kind === 'http2' && target.url.protocol === 'https:') return http2.get(scheduled);
    return get(context, scheduled, false);
  };
  const hold = async (work: () => Promise<void>): Promise<void> => {
    while (!stopped) {
      const began = recorder.now();
      await work();
      // A refused connection must not turn into a busy loop.
      if (recorder.now() - began < 250) await sleep(250);
    }
  };

  let finish: () => void = () => undefined;
  const over = new Promise<void>((resolve) => (finish = resolve));
  const interval = 1000 / rate;
  const timer = setInterval(() => {
    const now = recorder.now();
    while (!stopped && sent * interval <= now && sent * interval < seconds * 1000) {
      track(one(sent, sent * interval));
      sent += 1;
    }
    if (now >= seconds * 1000) finish();
  }, 2);
  if (mix === 'mixed') {
    for (let n = 0; n < 2; n++) {
      track(hold(() => slow(context, recorder.now())));
      track(hold(() => stream(context, recorder.now())));
    }
    for (let n = 0; n < 4; n++) track(hold(() => holdSocket(context, options.socketSeconds ?? 5, () => stopped)));
  }

  const done = over.then(async () => {
    stopped = true;
    clearInterval(timer);
    const seconds = recorder.now() / 1000;
    while (open.size > 0) await Promise.all(open);
    http2.close();
    await context.keepAlive.close();
    const report = recorder.report(rate, sent);
    return { ...report, sentRate: Math.round((sent / seconds) * 10) / 10 };
  });
  return {
    done,
    stop: () => {
      finish();
      return done;
    },
  };
}
