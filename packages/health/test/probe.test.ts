import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MAX_BODY, openProbe, type Outcome, type ProbeOptions } from '../src/index.ts';

let server: Server;
let port: number;
let connections = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    switch (request.url) {
      case '/health?deep=1':
        response
          .writeHead(200, { 'content-type': 'application/json', 'x-release': 'r7' })
          .end(JSON.stringify({ host: request.headers.host, method: request.method }));
        break;
      case '/redirect':
        response.writeHead(302, { location: '/health?deep=1' }).end();
        break;
      case '/large':
        response.writeHead(200).end('x'.repeat(MAX_BODY + 1));
        break;
      case '/endless': {
        response.writeHead(200);
        const timer = setInterval(() => response.write('x'.repeat(1000)), 1);
        response.on('close', () => clearInterval(timer));
        break;
      }
      case '/reset':
        request.socket.destroy();
        break;
      default: // silence
    }
  }).listen(0, '127.0.0.1');
  server.on('connection', () => (connections += 1));
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function probe(
  path: string,
  options: Partial<ProbeOptions> = {},
  timeoutMs = 2000,
): Promise<Outcome & { ms: number }> {
  const opened = openProbe({ url: new URL(`http://127.0.0.1:${port}${path}`), ...options });
  try {
    return await opened.once(timeoutMs);
  } finally {
    await opened.close();
  }
}

describe('openProbe', () => {
  it('reports status, type, release and body of one GET', async () => {
    expect(await probe('/health?deep=1')).toEqual({
      answered: true,
      status: 200,
      contentType: 'application/json',
      release: 'r7',
      body: JSON.stringify({ host: `127.0.0.1:${port}`, method: 'GET' }),
      truncated: false,
      ms: expect.any(Number),
    });
  });

  it('goes to another address with the host of the URL', async () => {
    const outcome = await probe('', { url: new URL(`http://app.invalid:${port}/health?deep=1`), address: '127.0.0.1' });
    expect(outcome).toMatchObject({ status: 200, body: expect.stringContaining(`app.invalid:${port}`) });
  });

  it('takes a connection of its own for each try', async () => {
    const opened = openProbe({ url: new URL(`http://127.0.0.1:${port}/health?deep=1`) });
    const before = connections;
    for (let round = 0; round < 3; round += 1) expect(await opened.once(2000)).toMatchObject({ status: 200 });
    expect(connections - before).toBe(3);
    await opened.close();
  });

  it('does not follow redirects', async () => {
    expect(await probe('/redirect')).toMatchObject({ answered: true, status: 302 });
  });

  it('stops reading a body that is too large, also an endless one', async () => {
    expect(await probe('/large')).toMatchObject({ answered: true, truncated: true });
    expect(await probe('/endless')).toMatchObject({ answered: true, truncated: true });
  });

  it('gives up a try in time', async () => {
    const outcome = await probe('/silence', {}, 150);
    expect(outcome).toMatchObject({ answered: false, reason: 'nothing within 150 ms' });
    expect(outcome.ms).toBeLessThan(1500);
  });

  it('says why there was no answer', async () => {
    expect(await probe('/reset')).toMatchObject({
      answered: false,
      reason: 'the connection was closed before an answer came',
    });
    expect(await probe('', { url: new URL('http://127.0.0.1:1/') })).toMatchObject({ answered: false });
    expect(await probe('', { url: new URL('http://host.invalid/') })).toMatchObject({
      answered: false,
      reason: expect.stringContaining('does not resolve'),
    });
    expect(await probe('', { url: new URL(`https://127.0.0.1:${port}/`) })).toMatchObject({ answered: false });
  });
});
