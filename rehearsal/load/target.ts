import { connect as netConnect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { Agent, buildConnector } from 'undici';

/** Where the load goes: the URL gives scheme, host name (SNI and Host header) and path prefix; the address is dialled. */
export interface Target {
  readonly url: URL;
  readonly address: string;
  readonly port: number;
  /** PEM of the authorities to trust in place of the system's, or undefined. */
  readonly ca: string | undefined;
}

/**
 * Checks a target. Throws when the address is anything but 127.0.0.1: the generator is a test tool for the machine it runs on.
 * @param address `127.0.0.1:PORT`; without it the URL itself has to name 127.0.0.1 or localhost.
 */
export function makeTarget(url: string, address: string | undefined, ca: string | undefined): Target {
  const parsed = new URL(url);
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')
    throw new Error(`url: http or https expected, found ${parsed.protocol}`);
  const own = ['localhost', '127.0.0.1'].includes(parsed.hostname);
  const standard = parsed.protocol === 'https:' ? '443' : '80';
  const text = address ?? (own ? `127.0.0.1:${parsed.port === '' ? standard : parsed.port}` : '');
  const match = /^127\.0\.0\.1:(\d{1,5})$/.exec(text);
  if (!match) throw new Error(`address: 127.0.0.1:PORT expected, found ${text === '' ? 'none' : text}`);
  return { url: parsed, address: '127.0.0.1', port: Number(match[1]), ca };
}

/** An undici agent that dials the target's address and keeps the URL's name for SNI, Host and certificate. */
export function agentFor(target: Target, timeoutMs: number): Agent {
  const connector = buildConnector({ timeout: timeoutMs, ...(target.ca === undefined ? {} : { ca: target.ca }) });
  return new Agent({
    connections: 256,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (options, callback) => {
      connector(
        {
          ...options,
          hostname: target.address,
          host: target.address,
          port: String(target.port),
          servername: target.url.hostname,
        },
        callback,
      );
    },
  });
}

/** A raw socket to the target, TLS where the URL says so (for HTTP/2 and WebSockets). */
export function dial(target: Target, protocols: string[]): Socket {
  if (target.url.protocol === 'http:') return netConnect(target.port, target.address);
  return tlsConnect({
    host: target.address,
    port: target.port,
    servername: target.url.hostname,
    ALPNProtocols: protocols,
    ...(target.ca === undefined ? {} : { ca: target.ca }),
  });
}
