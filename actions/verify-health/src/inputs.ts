import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { HealthContract, Literal } from '@delivery/health';
import { readInputs, type InputReader } from '@delivery/runner';

export interface VerifyInputs {
  url: URL;
  contract: HealthContract;
  intervalMs: number;
  timeoutMs: number;
  deadlineMs: number;
  ca: string | undefined;
  address: string | undefined;
}

/** Reads and checks all inputs. @throws InputError naming every wrong one */
export function verifyInputs(): VerifyInputs {
  return readInputs((input) => {
    const url = input.url('url');
    const timeoutMs = input.int('timeout-ms', { fallback: 5000, min: 10, max: 60_000 });
    const deadlineMs = input.int('deadline-seconds', { fallback: 60, min: 1, max: 3600 }) * 1000;
    return {
      url,
      contract: {
        status: input.int('expected-status', { fallback: 200, min: 100, max: 599 }),
        json: expectedJson(input),
        release: input.optional('expected-release', { maxLength: 128 }),
        consecutive: input.int('consecutive', { fallback: 3, min: 1, max: 1000 }),
        maxP95Ms: input.optional('max-p95-ms') === null ? null : input.int('max-p95-ms', { min: 1, max: 60_000 }),
      },
      intervalMs: input.int('interval-ms', { fallback: 1000, min: 10, max: 60_000 }),
      timeoutMs,
      deadlineMs,
      ca: certificate(input),
      address: address(input, url),
    };
  });
}

function expectedJson(input: InputReader): Record<string, Literal> {
  const name = 'expected-json';
  const allowed = 'a JSON object of dotted path to string, number, boolean or null';
  const text = input.block(name, { fallback: '' });
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    input.reject(name, 'text that is not JSON', allowed);
    return {};
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    input.reject(name, Array.isArray(value) ? 'a list' : 'a single value', allowed);
    return {};
  }
  for (const [path, literal] of Object.entries(value)) {
    if (typeof literal === 'object' && literal !== null)
      input.reject(
        name,
        `no literal at ${JSON.stringify(path)}`,
        `${allowed}; write nested names as one path, such as "services.database"`,
      );
    if (path === '' || path.split('.').includes('')) input.reject(name, `the path ${JSON.stringify(path)}`, allowed);
  }
  return value as Record<string, Literal>;
}

function certificate(input: InputReader): string | undefined {
  const text = input.block('ca-certificate', { fallback: '' });
  if (text === '') return undefined;
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  const allowed = 'one or more certificates in PEM';
  if (blocks.length === 0) input.reject('ca-certificate', 'no "-----BEGIN CERTIFICATE-----"', allowed);
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch {
      input.reject('ca-certificate', `certificate ${index + 1} unreadable`, allowed);
    }
  }
  return blocks.join('\n');
}

/** As curl's --resolve. It has to fit the address, otherwise it would be ignored silently. */
function address(input: InputReader, url: URL): string | undefined {
  const text = input.optional('resolve');
  if (text === null) return undefined;
  const allowed = '<host>:<port>:<IP address>';
  const match = /^([^:]+):([0-9]{1,5}):\[?([^[\]]+)\]?$/.exec(text);
  const [, host = '', port = '', ip = ''] = match ?? [];
  if (isIP(ip) === 0) {
    input.reject('resolve', JSON.stringify(text.slice(0, 80)), allowed);
    return undefined;
  }
  const wanted = `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`;
  if (`${host.toLowerCase()}:${port}` !== wanted)
    input.reject('resolve', `${host}:${port}`, `${wanted}, which the url names`);
  return ip;
}
