import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { main } from '../src/main.ts';

let server: Server;
let port: number;
let directory: string;
let requests = 0;
let set: string[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'verify-'));
  server = createServer((request, response) => {
    requests += 1;
    const sick = request.url === '/sick' || (request.url === '/slow-start' && requests < 3);
    const body = {
      status: sick ? 'unhealthy' : 'healthy',
      services: { database: sick ? 'disconnected' : 'connected' },
    };
    response
      .writeHead(sick ? 503 : 200, { 'content-type': 'application/json', 'x-release': 'r5' })
      .end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  server.close();
  await rm(directory, { recursive: true, force: true });
});

afterEach(() => {
  for (const name of set) delete process.env[name];
});

interface Ran {
  error: string | null;
  log: string;
  outputs: Record<string, string>;
  summary: string;
}

async function run(inputs: Record<string, string>, signal = new AbortController().signal): Promise<Ran> {
  requests = 0;
  const files = { GITHUB_OUTPUT: join(directory, 'output'), GITHUB_STEP_SUMMARY: join(directory, 'summary') };
  for (const file of Object.values(files)) await writeFile(file, '');
  const values = Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
  );
  set = Object.keys({ ...files, ...values });
  Object.assign(process.env, files, values);
  let log = '';
  const spy = jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    log += String(chunk);
    return true;
  });
  const error = await main(signal).then(
    () => null,
    (thrown: unknown) => (thrown as Error).message,
  );
  spy.mockRestore();
  const text = await readFile(files.GITHUB_OUTPUT, 'utf8');
  const outputs = Object.fromEntries(
    [...text.matchAll(/^([^\n]+?)<<(\S+)\n([\s\S]*?)\n\2$/gm)].map(([, name, , value]) => [name ?? '', value ?? '']),
  );
  return { error, log, outputs, summary: await readFile(files.GITHUB_STEP_SUMMARY, 'utf8') };
}

const base = (path: string): Record<string, string> => ({
  url: `http://127.0.0.1:${port}${path}`,
  'interval-ms': '10',
});

describe('verify-health', () => {
  it('passes after a slow start and keeps the first failure', async () => {
    const ran = await run({
      ...base('/slow-start'),
      'expected-json': '{"status":"healthy","services.database":"connected"}',
      'expected-release': 'r5',
    });
    expect(ran.error).toBeNull();
    expect(ran.outputs).toEqual({
      healthy: 'true',
      release: 'r5',
      'p50-ms': expect.stringMatching(/^\d+$/),
      'p95-ms': expect.stringMatching(/^\d+$/),
      attempts: '5',
      'first-failure': expect.stringMatching(/^try 1 .*status 503 .*database/),
    });
    expect(ran.summary).toContain('✅');
    expect(ran.summary.match(/^\| \d+ \| \d+ ms \| \d+ ms/gm)).toHaveLength(5);
  });

  it('fails at the deadline, naming what it found, with all outputs set', async () => {
    const ran = await run({ ...base('/sick'), 'deadline-seconds': '1', 'interval-ms': '100' });
    expect(ran.error).toMatch(
      /Not healthy: it answers, but not as expected within 1 s .*status 503 instead of 200; .*database/,
    );
    expect(ran.outputs).toMatchObject({ healthy: 'false', release: 'r5', 'p95-ms': '' });
    expect(ran.log.match(/status 503/g)).toHaveLength(1);
    expect(ran.summary).toContain('❌');
  });

  it('says when nothing ever answered', async () => {
    const ran = await run({ url: 'http://127.0.0.1:1/', 'deadline-seconds': '1' });
    expect(ran.error).toMatch(/Never answered/);
  });

  it('fails the wrong release', async () => {
    const ran = await run({ ...base('/'), 'deadline-seconds': '1', 'expected-release': 'r6' });
    expect(ran.error).toContain('X-Release is "r5" instead of "r6"');
  });

  it('ends at once when the job is cancelled', async () => {
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 100);
    const start = Date.now();
    const ran = await run({ ...base('/sick'), 'deadline-seconds': '60', 'interval-ms': '60000' }, cancel.signal);
    expect(ran.error).toMatch(/^Cancelled after 1 tries/);
    expect(Date.now() - start).toBeLessThan(5000);
  });

  const wrong: [string, Record<string, string>, RegExp][] = [
    ['no address', { url: '' }, /"url"/],
    ['JSON that is none', { 'expected-json': '{status:' }, /"expected-json": found text that is not JSON/],
    ['a list', { 'expected-json': '[1]' }, /found a list/],
    ['nested JSON', { 'expected-json': '{"services":{"database":"connected"}}' }, /services\.database/],
    ['a count of zero', { consecutive: '0' }, /"consecutive"/],
    ['a certificate that is none', { 'ca-certificate': 'text' }, /"ca-certificate"/],
    [
      'a damaged certificate',
      { 'ca-certificate': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----' },
      /certificate 1 unreadable/,
    ],
    ['resolve without an address', { resolve: 'example.org:443' }, /"resolve"/],
    [
      'resolve of another host',
      { resolve: 'example.org:443:127.0.0.1' },
      /"resolve": found example\.org:443; allowed: 127\.0\.0\.1:\d+, which the url names/,
    ],
    ['a latency bound of zero', { 'max-p95-ms': '0' }, /"max-p95-ms"/],
  ];
  it.each(wrong)('refuses %s before any request', async (_name, changes, message) => {
    expect((await run({ ...base('/'), ...changes })).error).toMatch(message);
    expect(requests).toBe(0);
  });
});
