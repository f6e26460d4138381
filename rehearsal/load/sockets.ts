import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { causeOf } from './report.ts';
import type { Context } from './requests.ts';
import { dial } from './target.ts';

/**
 * Holds one WebSocket for `seconds`: a text each 250 ms that has to come back, then closes it. Each echo counts as a request;
 * a connection that ends before its time counts as one failure of kind `websocket`.
 */
export async function holdSocket(context: Context, seconds: number, stopped: () => boolean): Promise<void> {
  const { target, recorder, timeoutMs } = context;
  const url = new URL('/ws', target.url);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url, {
    createConnection: () => dial(target, ['http/1.1']),
    handshakeTimeout: timeoutMs,
  });
  let release: string | undefined;
  let broken = false;
  let finished = false;
  const breakWith = (cause: string, detail: string): void => {
    if (broken || finished) return;
    broken = true;
    recorder.fail('websocket', cause, detail);
  };
  const waiting = new Map<string, { scheduled: number; done: () => void }>();
  socket.on('upgrade', (response) => {
    const value = response.headers['x-release'];
    release = Array.isArray(value) ? value[0] : value;
  });
  socket.on('message', (data: Buffer) => {
    const text = data.toString('utf8');
    const entry = waiting.get(text);
    if (!entry) return;
    waiting.delete(text);
    // The release is that of the upgrade: an open socket stays with the colour that accepted it, so it says nothing of the switch.
    recorder.ok('websocket', entry.scheduled, undefined);
    entry.done();
  });
  socket.on('unexpected-response', (_request, response) =>
    breakWith(`status-${String(response.statusCode)}`, 'upgrade refused'),
  );
  socket.on('error', (error) => breakWith(causeOf(error), error.message));
  socket.on('close', (code) => {
    breakWith('closed', `closed with ${String(code)} by release ${release ?? '?'}`);
    for (const entry of waiting.values()) entry.done();
  });
  const opened = await new Promise<boolean>((resolve) => {
    socket.once('open', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('unexpected-response', () => resolve(false));
  });
  if (!opened) {
    socket.terminate();
    await sleep(250);
    return;
  }
  const until = recorder.now() + seconds * 1000;
  for (let n = 0; !broken && !stopped() && recorder.now() < until; n++) {
    const text = `echo ${String(n)}`;
    const timer = setTimeout(() => {
      breakWith('timeout', 'no echo in time');
      socket.terminate();
    }, timeoutMs);
    await new Promise<void>((resolve) => {
      waiting.set(text, { scheduled: recorder.now(), done: resolve });
      socket.send(text, () => undefined);
    });
    clearTimeout(timer);
    await sleep(250);
  }
  finished = true;
  socket.close(1000);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      socket.terminate();
      resolve();
    }, 1000);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    if (socket.readyState === WebSocket.CLOSED) {
      clearTimeout(timer);
      resolve();
    }
  });
}
