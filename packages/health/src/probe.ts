import type { LookupFunction } from 'node:net';
import { isIPv6 } from 'node:net';
import { getCACertificates } from 'node:tls';
import { Agent } from 'undici';
import type { Outcome } from './sample.ts';

export interface ProbeOptions {
  url: URL;
  /** PEM; trusted in addition to the usual authorities. There is no way to switch verification off. */
  ca?: string | undefined;
  /** Connect to this IP address instead of resolving the name. Host header and TLS server name stay those of the URL. */
  address?: string | undefined;
  /** Sent with every try. */
  headers?: Readonly<Record<string, string>> | undefined;
}

export interface Probe {
  /** One GET on a connection of its own; never throws. Redirects are not followed. */
  once(timeoutMs: number, signal?: AbortSignal): Promise<Outcome & { ms: number }>;
  close(): Promise<void>;
}

/** A health document is small; whatever is longer is cut and marked. Bytes. */
export const MAX_BODY = 64 * 1024;

/** Prepares tries against one address. */
export function openProbe(options: ProbeOptions): Probe {
  const { url, ca, address, headers } = options;
  const agent = new Agent({
    connect: {
      ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
      ...(address === undefined ? {} : { lookup: fixedLookup(address) }),
    },
  });
  return {
    async once(timeoutMs, signal) {
      const start = performance.now();
      const timeout = AbortSignal.timeout(Math.max(Math.ceil(timeoutMs), 1));
      try {
        const outcome = await get(agent, url, headers, signal ? AbortSignal.any([timeout, signal]) : timeout);
        return { ...outcome, ms: performance.now() - start };
      } catch (error) {
        const reason = timeout.aborted ? `nothing within ${Math.round(timeoutMs)} ms` : explain(error);
        return { answered: false, reason, ms: performance.now() - start };
      }
    },
    close: () => agent.destroy(),
  };
}

async function get(agent: Agent, url: URL, headers: ProbeOptions['headers'], signal: AbortSignal): Promise<Outcome> {
  const response = await agent.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: 'GET',
    headers: { accept: 'application/json, */*;q=0.1', 'user-agent': 'verify-health', ...headers },
    // A kept connection would go on answering after the name, the port or the certificate stopped working.
    reset: true,
    signal,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  let truncated = false;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) {
      truncated = true;
      break;
    }
    chunks.push(chunk);
  }
  return {
    answered: true,
    status: response.statusCode,
    contentType: single(response.headers['content-type']) ?? '',
    release: single(response.headers['x-release']),
    body: Buffer.concat(chunks).toString('utf8'),
    truncated,
  };
}

function fixedLookup(address: string): LookupFunction {
  const family = isIPv6(address) ? 6 : 4;
  return (_hostname, options, callback) => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

function single(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

function explain(error: unknown): string {
  const all = error instanceof AggregateError && error.errors.length > 0 ? (error.errors[0] as unknown) : error;
  const { code = '', message = String(all) } = all as { code?: string; message?: string };
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name does not resolve (${code})`;
    case 'ECONNRESET':
    case 'UND_ERR_SOCKET':
      return 'the connection was closed before an answer came';
    case 'CERT_HAS_EXPIRED':
      return `the certificate has expired (${code})`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the certificate is for another name (${code})`;
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return `the certificate is not from a trusted authority (${code})`;
    default:
      return code === '' ? message : `${message} (${code})`;
  }
}
