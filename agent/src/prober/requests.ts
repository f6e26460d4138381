import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { WrongAnswer } from './asker.ts';
import type { Asker } from './asker.ts';
import { ANSWER_MS, open } from './door.ts';
import type { Door } from './door.ts';

export const USER_AGENT = 'delivery-prober';
/** Enough to take several reads, little enough to cost nothing. Bytes. */
const UPLOAD_BYTES = 64 * 1024;

interface Question {
  method: 'GET' | 'POST';
  path: string;
  /** The only status that passes; null: any below 500. */
  status?: number | null;
  body?: string | Buffer;
  type?: string;
  reset?: boolean;
  timeoutMs?: number;
}

async function send(door: Door, through: Dispatcher, question: Question): Promise<string> {
  const answer = await request(new URL(question.path, door.origin), {
    dispatcher: through,
    method: question.method,
    ...(question.body === undefined ? {} : { body: question.body }),
    headers: {
      'user-agent': USER_AGENT,
      ...(question.type === undefined ? {} : { 'content-type': question.type }),
    },
    reset: question.reset ?? false,
    signal: AbortSignal.timeout(question.timeoutMs ?? ANSWER_MS),
  });
  const text = await answer.body.text();
  checkStatus(answer.statusCode, question.status);
  return text;
}

/** Throws WrongAnswer. `expected` undefined: a success. */
export function checkStatus(status: number, expected: number | null | undefined): void {
  const sound =
    expected === undefined ? status >= 200 && status < 300 : expected === null ? status < 500 : status === expected;
  if (!sound) throw new WrongAnswer(`status ${String(status)}`);
}

/** GET on a kept connection, or on a new one each time. */
export function get(door: Door, path: string, status: number | null, fresh: boolean): Asker {
  const agent = open(door, 1);
  return {
    ask: async () => void (await send(door, agent, { method: 'GET', path, status, reset: fresh })),
    close: () => agent.destroy(),
  };
}

/**
 * POST of `{"id": ...}`, an id that is sent once; the app answers `{"id": ..., "count": ...}`, how often it has carried out that id. It
 * is never repeated from here, so whatever is not 1 was repeated, or lost, on the way.
 */
export function post(door: Door, path: string): Asker {
  const agent = open(door, 1);
  return {
    async ask() {
      const id = randomUUID();
      const body = JSON.stringify({ id });
      const text = await send(door, agent, { method: 'POST', path, body, type: 'application/json' });
      const said = jsonObject(text);
      if (said['id'] !== id) throw new WrongAnswer('the answer is for another id');
      if (said['count'] !== 1) throw new WrongAnswer(`executed ${JSON.stringify(said['count']) ?? 'uncounted'} times`);
      return undefined;
    },
    close: () => agent.destroy(),
  };
}

/** POST of random bytes; where the app says how many it got and their SHA-256, both must be right. */
export function upload(door: Door, path: string): Asker {
  const agent = open(door, 1);
  return {
    async ask() {
      const body = randomBytes(UPLOAD_BYTES);
      const text = await send(door, agent, { method: 'POST', path, body, type: 'application/octet-stream' });
      const said = jsonObject(text);
      if (said['bytes'] !== undefined && said['bytes'] !== body.length)
        throw new WrongAnswer(`${JSON.stringify(said['bytes'])} of ${String(body.length)} bytes arrived`);
      if (said['sha256'] !== undefined && said['sha256'] !== createHash('sha256').update(body).digest('hex'))
        throw new WrongAnswer('the bytes that arrived are not those that were sent');
      return undefined;
    },
    close: () => agent.destroy(),
  };
}

/** GET that the app takes its time for: `?s=` asks for so many seconds. */
export function slow(door: Door, path: string): Asker {
  const agent = open(door, 1);
  return {
    ask: async (holdMs) =>
      void (await send(door, agent, { method: 'GET', path: withSeconds(path, holdMs), timeoutMs: 30_000 })),
    close: () => agent.destroy(),
  };
}

/**
 * GET of a stream, read until its end (`?s=` asks for so many seconds) or for as long as it is held. One that breaks off is a failure.
 * @returns from its asker: milliseconds until its first bytes
 */
export function stream(door: Door, path: string): Asker {
  const agent = open(door, 1);
  return {
    async ask(holdMs) {
      const began = performance.now();
      const answer = await request(new URL(withSeconds(path, holdMs), door.origin), {
        dispatcher: agent,
        method: 'GET',
        headers: { 'user-agent': USER_AGENT },
        headersTimeout: ANSWER_MS,
        reset: true,
      });
      // A body that is given up half-way emits an error, which without a listener would end the process.
      answer.body.on('error', () => undefined);
      let first: number | undefined;
      try {
        checkStatus(answer.statusCode, undefined);
        for await (const _ of answer.body) {
          first ??= performance.now() - began;
          if (performance.now() - began > holdMs + 500) break;
        }
      } finally {
        answer.body.destroy();
      }
      if (first === undefined) throw new WrongAnswer('the stream ended without a byte');
      return first;
    },
    close: () => agent.destroy(),
  };
}

function withSeconds(path: string, holdMs: number): string {
  return `${path}?s=${String(holdMs / 1000)}`;
}

function jsonObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new WrongAnswer('the answer is no JSON object');
}
