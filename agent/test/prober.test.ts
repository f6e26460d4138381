import { createServer as createServer2 } from 'node:http2';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { dropped } from '@delivery/release';
import type { Manifest, Phase, ProbeKind, Route } from '@delivery/release';
import { acceptEcho } from '../../rehearsal/fixture/websocket.ts';
import { holdFor, plansFor, startProber } from '../src/prober/index.ts';
import type { Prober } from '../src/prober/index.ts';
import type { Door } from '../src/prober/door.ts';
import { http2 } from '../src/prober/http2.ts';
import { manifestOf } from './host.ts';

const PROBES = { post: '/count', upload: '/upload', slow: '/slow', websocket: '/ws', stream: '/stream' };
const HOLD_MS = 300;

/** An app with every endpoint that a prober knows. `sick` says what an endpoint answers in place of the truth. */
class App {
  readonly server: Server = createServer((request, response) => void this.answer(request, response));
  readonly sick = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>();
  readonly counts = new Map<string, number>();
  private readonly goodbyes = new Set<() => void>();

  constructor() {
    this.server.on('upgrade', (request, socket) => {
      const goodbye = acceptEcho(request, socket, 'r');
      this.goodbyes.add(goodbye);
      socket.on('close', () => this.goodbyes.delete(goodbye));
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', () => resolve()));
    return (this.server.address() as AddressInfo).port;
  }

  cutSockets(): void {
    for (const goodbye of this.goodbyes) goodbye();
  }

  close(): void {
    this.cutSockets();
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://app').pathname;
    let text = '';
    let bytes = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes < 1000) text += chunk.toString();
    }
    const sick = this.sick.get(path);
    if (sick !== undefined) return sick(request, response);
    const say = (body: object): void => void response.end(JSON.stringify(body));
    if (path === '/health') return say({ status: 'ok' });
    if (path === '/upload') return say({ bytes });
    if (path === '/count') {
      const { id } = JSON.parse(text) as { id: string };
      this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
      return say({ id, count: this.counts.get(id) });
    }
    if (path === '/slow') {
      await sleep(HOLD_MS);
      return say({});
    }
    if (path === '/stream') {
      for (let part = 0; part < 3; part++) {
        response.write(`data: ${String(part)}\n\n`);
        await sleep(HOLD_MS / 4);
      }
      response.end();
      return;
    }
    response.writeHead(404).end();
  }
}

/** Waits until every one of these kinds has been asked in the phase: how long that takes depends on the machine. */
async function asked(prober: Prober, phase: Phase, kinds: readonly ProbeKind[], times = 1): Promise<void> {
  const enough = (): boolean => {
    const found = prober.samples.receipt()?.kinds;
    return kinds.every((kind) => (found?.[kind]?.[phase].requests ?? 0) >= times);
  };
  for (let waited = 0; waited < 15_000 && !enough(); waited += 50) await sleep(50);
}

const ALL = ['get', 'get-fresh', 'post', 'upload', 'slow', 'websocket', 'stream'] as const;

let app: App;
let port: number;
const say = jest.fn();

beforeEach(async () => {
  app = new App();
  port = await app.listen();
  say.mockClear();
});
afterEach(() => app.close());

function release(probes: Manifest['services'][string]['probes'] = PROBES): Manifest {
  const { services } = manifestOf('r1');
  const { web } = services;
  if (web === undefined) throw new Error('no service web');
  return manifestOf('r1', { services: { web: { ...web, probes } } });
}

const doorOf = (route: Route): Door => ({
  origin: `http://${route.host}:${String(port)}`,
  address: '127.0.0.1',
  trusted: {},
});

/** Plans without HTTP/2, which is asked over TLS only. */
function plans(manifest = release(), before: Manifest | null = release()): ReturnType<typeof plansFor> {
  return plansFor(manifest, before, doorOf).filter(({ kind }) => kind !== 'http2');
}

describe('the prober', () => {
  it('finds nothing wrong with a sound app, in every kind that is declared', async () => {
    const prober = startProber(plans(), HOLD_MS, say);
    await asked(prober, 'before', ALL);
    prober.enter('during');
    await asked(prober, 'during', ['get']);
    prober.enter('after');
    await asked(prober, 'after', ALL);
    const seen = await prober.close();
    expect(say).not.toHaveBeenCalled();
    expect(seen).toMatchObject({ v: 2, failures: 0, firstFailures: [] });
    for (const kind of ALL) expect(seen?.kinds?.[kind]?.before.requests).toBeGreaterThan(0);
    expect(seen?.kinds?.get?.after.p95Ms).toBeGreaterThan(0);
    expect(seen?.phases?.during.requests).toBeGreaterThan(0);
    expect(seen?.kinds?.slow?.before.p50Ms).toBeGreaterThanOrEqual(HOLD_MS - 5);
    // The kinds that are held on purpose say nothing about how quick the app is.
    expect(seen?.p50Ms).toBeLessThan(HOLD_MS);
    expect(seen?.phases?.before.p50Ms).toBeLessThan(HOLD_MS);
    expect([...app.counts.values()].every((times) => times === 1)).toBe(true);
  }, 20_000);

  it('asks an app that declares nothing by its health path alone', () => {
    const kinds = plansFor(manifestOf('r2'), manifestOf('r1'), doorOf).map(({ kind, fromStart }) => [kind, fromStart]);
    expect(kinds).toEqual([
      ['get', true],
      ['get-fresh', true],
      ['http2', true],
    ]);
  });

  it('asks what is new in a release only once it is there', () => {
    const kinds = plansFor(release({ post: '/count' }), manifestOf('r1'), doorOf);
    expect(kinds.filter(({ fromStart }) => !fromStart).map(({ kind }) => kind)).toEqual(['post']);
  });

  const failures: [string, string, (request: IncomingMessage, response: ServerResponse) => void, RegExp][] = [
    [
      'get',
      '/health',
      (_, response) => response.writeHead(502).end(),
      /^get(-fresh)? .*during the switch: status 502$/,
    ],
    ['get-fresh', '/health', (_, response) => response.destroy(), /^get(-fresh)? .*(socket|closed|hang up)/],
    ['post', '/count', (_, response) => response.end('{"id":"other","count":1}'), /^post .*another id$/],
    ['upload', '/upload', (_, response) => response.end('{"bytes":7}'), /^upload .*7 of 65536 bytes arrived$/],
    ['slow', '/slow', (_, response) => response.writeHead(504).end(), /^slow .*status 504$/],
    ['stream', '/stream', (_, response) => response.writeHead(502).end('Bad Gateway'), /^stream .*status 502$/],
    [
      'stream',
      '/stream',
      (_, response) => {
        response.write('data');
        setTimeout(() => response.destroy(), 20);
      },
      /^stream .*/,
    ],
  ];

  it.each(failures)(
    'counts a %s that is lost',
    async (kind, path, sick, told) => {
      const prober = startProber(plans(), HOLD_MS, say);
      await asked(prober, 'before', ALL);
      prober.enter('during');
      app.sick.set(path, sick);
      await asked(prober, 'during', [kind as ProbeKind], 2);
      const seen = await prober.close();
      expect(seen?.kinds?.[kind as 'get']?.during.failures).toBeGreaterThan(0);
      // Two kinds may ask the same path, and either may be first.
      expect(seen?.firstFailures).toContainEqual(expect.stringMatching(told));
      expect(dropped({ requests: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, failures: 0, ...seen, cut: 0 })).toMatch('failed');
    },
    20_000,
  );

  it('counts a POST that was executed twice', async () => {
    const prober = startProber(plans(), HOLD_MS, say);
    await asked(prober, 'before', ['post']);
    const add = app.counts.set.bind(app.counts);
    app.counts.set = (id, times) => add(id, times + 1);
    await asked(prober, 'before', ['post'], 4);
    const seen = await prober.close();
    expect(seen?.firstFailures?.[0]).toMatch(/^post .*executed 2 times$/);
  }, 20_000);

  it('counts a WebSocket that is cut', async () => {
    const prober = startProber(plans(), 4_000, say);
    await asked(prober, 'before', ['post'], 3);
    app.cutSockets();
    await asked(prober, 'before', ['websocket']);
    expect((await prober.close())?.firstFailures?.[0]).toMatch(/^websocket .*was cut \(1001\)$/);
  }, 20_000);

  it('counts each try of an outage, and knows how many came in a row', async () => {
    const prober = startProber(plans(manifestOf('r2'), manifestOf('r1')), HOLD_MS, say);
    await asked(prober, 'before', ['get', 'get-fresh']);
    expect(prober.samples.failedInARow()).toBe(0);
    app.close();
    await asked(prober, 'before', ['get'], 20);
    expect(prober.samples.failedInARow()).toBeGreaterThanOrEqual(5);
    const seen = await prober.close();
    expect(seen?.failures).toBeGreaterThanOrEqual(5);
    expect(seen?.failures).toBeLessThan(seen?.requests ?? 0);
  }, 20_000);

  it('asks nothing that did not work before, and says so where it does not work afterwards either', async () => {
    app.sick.set('/count', (_, response) => response.writeHead(500).end());
    const prober = startProber(plans(), HOLD_MS, say);
    await asked(prober, 'before', ['get', 'upload']);
    expect(say).not.toHaveBeenCalled();
    prober.enter('after');
    await asked(prober, 'after', ['get', 'upload']);
    for (let waited = 0; waited < 5_000 && say.mock.calls.length === 0; waited += 50) await sleep(50);
    const seen = await prober.close();
    expect(seen?.failures).toBe(0);
    expect(seen?.kinds?.post).toBeUndefined();
    expect(say).toHaveBeenCalledWith(expect.stringMatching(/^not probed: post of .*: status 500$/));
  }, 20_000);

  it('asks from the switch on where nothing was there before', async () => {
    const prober = startProber(plans(release(), null), HOLD_MS, say);
    await sleep(200);
    prober.enter('after');
    await asked(prober, 'after', ['get']);
    const seen = await prober.close();
    expect(seen?.phases?.before.requests).toBe(0);
    expect(seen?.kinds?.get?.after.requests).toBeGreaterThan(0);
  }, 20_000);

  it('asks by HTTP/2 on one connection, sees a wrong status and a reset, and comes back after them', async () => {
    const answers = [200, 200, 503, 0, 200];
    const sessions = new Set<object>();
    const server = createServer2();
    server.on('session', (session) => sessions.add(session));
    server.on('stream', (stream) => {
      const status = answers.shift() ?? 200;
      if (status === 0) stream.session?.destroy();
      else {
        stream.respond({ ':status': status });
        stream.end('{}');
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const at = (server.address() as AddressInfo).port;
    const asker = http2({ ...doorOf({} as Route), origin: `http://shop.test:${String(at)}` }, '/health', 200);
    await asker.ask(0);
    await asker.ask(0);
    expect(sessions.size).toBe(1);
    await expect(asker.ask(0)).rejects.toThrow('status 503');
    await expect(asker.ask(0)).rejects.toThrow();
    await asker.ask(0);
    expect(sessions.size).toBe(2);
    await asker.close();
    server.close();
  });

  it('has nothing to say about an operation that ended before anything was asked', async () => {
    expect(await startProber(plans(release(), null), HOLD_MS, say).close()).toBeNull();
  });

  it('never holds a connection as long as a colour gets to end', () => {
    expect(holdFor(30)).toBe(2000);
    expect(holdFor(1)).toBe(500);
    expect(holdFor(0)).toBe(0);
  });
});
