import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'undici';
import { WrongAnswer } from './asker.ts';
import type { Asker } from './asker.ts';
import { ANSWER_MS, open } from './door.ts';
import type { Door } from './door.ts';
import { USER_AGENT } from './requests.ts';

/** The app itself may end a conversation; going away (1001) or nothing at all (1006) is what a visitor calls cut. */
const NORMAL = 1000;

/**
 * Opens a WebSocket, holds it and closes it. One that is refused, or ends before its time otherwise than normally, is a failure.
 * @returns from its asker: milliseconds until it was open
 */
export function websocket(door: Door, path: string): Asker {
  const agent = open(door, 2);
  const url = new URL(path, door.origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return {
    async ask(holdMs) {
      const began = performance.now();
      const socket = new WebSocket(url, { dispatcher: agent, headers: { 'user-agent': USER_AGENT } });
      const closed = new Promise<number>((resolve) =>
        socket.addEventListener('close', ({ code }) => resolve(code), { once: true }),
      );
      // What went wrong comes with the close that follows an error.
      socket.addEventListener('error', () => undefined);
      const opened = new Promise<'open'>((resolve) =>
        socket.addEventListener('open', () => resolve('open'), { once: true }),
      );
      const first = await within<'open' | number>(ANSWER_MS, opened, closed);
      if (first !== 'open') {
        socket.close();
        throw new WrongAnswer(first === null ? `not open within ${String(ANSWER_MS)} ms` : 'was not opened');
      }
      const ms = performance.now() - began;
      const code = await within(holdMs, closed);
      if (code !== null && code !== NORMAL) throw new WrongAnswer(`was cut (${String(code)})`);
      if (code === null) {
        socket.close(NORMAL);
        await within(1_000, closed);
      }
      return ms;
    },
    close: () => agent.destroy(),
  };
}

/** The first of the promises, or null when the time is over. */
async function within<T>(ms: number, ...promises: Promise<T>[]): Promise<T | null> {
  const timer = new AbortController();
  try {
    return await Promise.race([...promises, sleep(ms, null, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}
