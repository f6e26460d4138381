import { connect, constants } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { connect as netConnect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { WrongAnswer } from './asker.ts';
import type { Asker } from './asker.ts';
import { ANSWER_MS } from './door.ts';
import type { Door } from './door.ts';
import { checkStatus, USER_AGENT } from './requests.ts';

/** GET on one HTTP/2 connection, opened when first needed and again after it has ended. */
export function http2(door: Door, path: string, status: number | null): Asker {
  const url = new URL(door.origin);
  let session: ClientHttp2Session | null = null;
  const current = (): ClientHttp2Session => {
    if (session !== null && !session.closed && !session.destroyed) return session;
    const opened = connect(door.origin, {
      createConnection: () => dial(door, url),
    });
    // Each request fails with what ended the connection; here it only must not be without a listener.
    opened.on('error', () => opened.destroy());
    opened.on('goaway', () => opened.close());
    session = opened;
    return opened;
  };
  return {
    ask: () =>
      new Promise<undefined>((resolve, reject) => {
        const call = current().request({ ':method': 'GET', ':path': path, 'user-agent': USER_AGENT });
        let answered = 0;
        const timer = setTimeout(() => {
          reject(new WrongAnswer(`nothing within ${String(ANSWER_MS)} ms`));
          call.close(constants.NGHTTP2_CANCEL);
          session?.destroy();
        }, ANSWER_MS);
        call.on('response', (headers) => (answered = headers[':status'] ?? 0));
        call.on('error', reject);
        call.on('close', () => {
          clearTimeout(timer);
          try {
            if (answered === 0 || call.rstCode !== constants.NGHTTP2_NO_ERROR)
              throw new WrongAnswer(`reset (HTTP/2 code ${String(call.rstCode)})`);
            checkStatus(answered, status);
            resolve(undefined);
          } catch (error) {
            reject(error as Error);
          }
        });
        call.resume();
      }),
    close() {
      session?.destroy();
      return Promise.resolve();
    },
  };
}

function dial(door: Door, url: URL): Socket {
  const place = { host: door.address, port: Number(url.port === '' ? 443 : url.port) };
  if (url.protocol === 'http:') return netConnect(place);
  return tlsConnect({ ...place, servername: url.hostname, ALPNProtocols: ['h2'], ...door.trusted });
}
