import type { LookupFunction } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { Agent } from 'undici';

/** Where the prober knocks: the edge as visitors see it, by the name of a route, dialled at a known address. */
export interface Door {
  /** Scheme, host name and port that are asked for. */
  origin: string;
  /** IP address that is dialled in place of what the name resolves to. */
  address: string;
  /** Whom the certificate is verified against. */
  trusted: SecureContextOptions;
}

const CONNECT_MS = 2_000;
/** For one answer, until its headers and between two parts of its body. */
export const ANSWER_MS = 5_000;

/** Kept connections through a door: at most `connections`, each verified. */
export function open(door: Door, connections: number): Agent {
  return new Agent({
    connections,
    pipelining: 1,
    connect: { timeout: CONNECT_MS, lookup: fixed(door.address), ...door.trusted },
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  });
}

/** Name resolution that always gives the one address. */
function fixed(address: string): LookupFunction {
  const family = address.includes(':') ? 6 : 4;
  return (_name, options, callback) => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}
