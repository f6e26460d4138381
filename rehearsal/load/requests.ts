import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { connect as h2connect, constants } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { request } from 'undici';
import type { Agent } from 'undici';
import { causeOf } from './report.ts';
import type { Recorder } from './report.ts';
import { dial } from './target.ts';
import type { Target } from './target.ts';

/** Everything one request needs. Paths are the fixture app's. */
export interface Context {
  target: Target;
  recorder: Recorder;
  keepAlive: Agent;
  timeoutMs: number;
  slowSeconds: number;
  streamSeconds: number;
}

interface Answer {
  status: number;
  release: string | undefined;
  text: string;
}

class Wrong extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

function header(headers: Record<string, string | string[] | undefined>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

interface Sending {
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  body?: string | Buffer;
  type?: string;
  fresh?: boolean;
  timeoutMs?: number;
}

async function send(context: Context, what: Sending): Promise<Answer> {
  const url = new URL(what.path, context.target.url);
  const response = await request(url, {
    dispatcher: context.keepAlive,
    method: what.method,
    ...(what.body === undefined ? {} : { body: what.body }),
    ...(what.type === undefined ? {} : { headers: { 'content-type': what.type } }),
    reset: what.fresh === true,
    signal: AbortSignal.timeout(what.timeoutMs ?? context.timeoutMs),
  });
  const text = await response.body.text();
  if (response.statusCode < 200 || response.statusCode > 299)
    throw new Wrong(`status-${String(response.statusCode)}`, `${what.method} ${what.path}: ${text}`);
  return { status: response.statusCode, release: header(response.headers, 'x-release'), text };
}

/** Runs one request of a kind and records what came of it; never throws, never retries. */
async function measured(context: Context, kind: string, scheduled: number, work: () => Promise<Answer>): Promise<void> {
  try {
    const answer = await work();
    context.recorder.ok(kind, scheduled, answer.release);
  } catch (error) {
    context.recorder.fail(kind, causeOf(error), error instanceof Error ? error.message : String(error));
  }
}

/** GET on a reused connection, or on one of its own. */
export function get(context: Context, scheduled: number, fresh: boolean): Promise<void> {
  return measured(context, fresh ? 'get-fresh' : 'get', scheduled, () =>
    send(context, { method: 'GET', path: context.target.url.pathname + context.target.url.search, fresh }),
  );
}

/** POST that has to be executed exactly once; the app answers how often it has seen the id. */
export function post(context: Context, scheduled: number): Promise<void> {
  const id = randomUUID();
  return measured(context, 'post', scheduled, async () => {
    const answer = await send(context, {
      method: 'POST',
      path: '/count',
      body: JSON.stringify({ id }),
      type: 'application/json',
    });
    const said = JSON.parse(answer.text) as { id?: unknown; count?: unknown };
    if (said.id !== id) throw new Wrong('body', 'the answer is for another id');
    context.recorder.post(Number(said.count));
    if (said.count !== 1) throw new Wrong('count', `id counted ${String(said.count)} times`);
    return answer;
  });
}

/** Upload of 256 KiB; bytes and hash are compared with what the app received. */
export function upload(context: Context, scheduled: number): Promise<void> {
  const body = randomBytes(256 * 1024);
  return measured(context, 'upload', scheduled, async () => {
    const answer = await send(context, { method: 'PUT', path: '/upload', body, type: 'application/octet-stream' });
    const said = JSON.parse(answer.text) as { bytes?: unknown; sha256?: unknown };
    if (said.bytes !== body.length || said.sha256 !== createHash('sha256').update(body).digest('hex'))
      throw new Wrong('body', 'upload differs');
    return answer;
  });
}

export function slow(context: Context, scheduled: number): Promise<void> {
  const timeoutMs = context.slowSeconds * 1000 + context.timeoutMs;
  return measured(context, 'slow', scheduled, () =>
    send(context, { method: 'GET', path: `/slow?s=${String(context.slowSeconds)}`, timeoutMs }),
  );
}

export function stream(context: Context, scheduled: number): Promise<void> {
  const timeoutMs = context.streamSeconds * 1000 + context.timeoutMs;
  return measured(context, 'stream', scheduled, async () => {
    const answer = await send(context, {
      method: 'GET',
      path: `/stream?s=${String(context.streamSeconds)}`,
      timeoutMs,
    });
    if (!answer.text.includes('event: end')) throw new Wrong('body', 'the stream ended early');
    return answer;
  });
}

/** One HTTP/2 connection, opened when first needed and again when the server has closed it. */
export class Http2 {
  private session: ClientHttp2Session | null = null;
  private readonly context: Context;

  constructor(context: Context) {
    this.context = context;
  }

  private open(): ClientHttp2Session {
    if (this.session && !this.session.closed && !this.session.destroyed) return this.session;
    const { target } = this.context;
    const session = h2connect(target.url.origin, { createConnection: () => dial(target, ['h2']) });
    session.on('error', () => session.destroy());
    session.on('goaway', () => session.close());
    this.session = session;
    return session;
  }

  get(scheduled: number): Promise<void> {
    return measured(this.context, 'http2', scheduled, () => this.exchange());
  }

  private exchange(): Promise<Answer> {
    const { target, timeoutMs } = this.context;
    return new Promise((resolve, reject) => {
      const session = this.open();
      const call = session.request({ ':path': target.url.pathname + target.url.search, ':method': 'GET' });
      let status = 0;
      let release: string | undefined;
      let text = '';
      const timer = setTimeout(() => {
        reject(new Wrong('timeout', 'no HTTP/2 answer in time'));
        call.close(constants.NGHTTP2_CANCEL);
      }, timeoutMs);
      call.setEncoding('utf8');
      call.on('response', (headers) => {
        status = Number(headers[':status']);
        release = header(headers as Record<string, string | string[] | undefined>, 'x-release');
      });
      call.on('data', (chunk: string) => (text += chunk));
      call.on('error', reject);
      call.on('close', () => {
        clearTimeout(timer);
        if (status >= 200 && status <= 299) resolve({ status, release, text });
        else reject(new Wrong(status === 0 ? 'reset' : `status-${String(status)}`, `HTTP/2: ${text}`));
      });
    });
  }

  close(): void {
    this.session?.close();
  }
}
