import { randomUUID } from 'node:crypto';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'undici';
import { WebSocket } from 'ws';
import { dial, makeTarget } from '../load/target.ts';
import type { ActionRun } from './action.ts';
import { errorLine, expectCode, expectNoDrop } from './expect.ts';
import { HOST, Stage } from './stage.ts';
import type { Built } from './stage.ts';

const stage = Stage.open();
const { tls, vps } = stage.facts;
const target = makeTarget(`https://${HOST}`, `127.0.0.1:${String(vps.httpsPort)}`, tls.ca);
/** What the fixture app declares: how long the old colour's connections get. */
const DRAIN_SECONDS = 30;

/** One connection of HTTP/1.1; `opened` counts how often it had to be made. */
function oneConnection(): { client: Client; opened: () => number } {
  let opened = 0;
  const client = new Client(`https://127.0.0.1:${String(vps.httpsPort)}`, {
    connect: { servername: HOST, ca: tls.ca },
    pipelining: 1,
    bodyTimeout: 0,
    headersTimeout: 0,
  });
  client.on('connect', () => (opened += 1));
  return { client, opened: () => opened };
}

interface Told {
  status: number;
  release: string;
  text: string;
}

async function ask(client: Client, path: string, body?: string): Promise<Told> {
  const answer = await client.request({
    method: body === undefined ? 'GET' : 'POST',
    path,
    headers: { host: HOST },
    ...(body === undefined ? {} : { body }),
  });
  return { status: answer.statusCode, release: String(answer.headers['x-release']), text: await answer.body.text() };
}

function askHttp2(session: ClientHttp2Session): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = session.request({ ':path': '/', ':method': 'GET' });
    let release = '';
    call.on('response', (headers) => (release = `${String(headers[':status'])} ${String(headers['x-release'])}`));
    call.on('error', reject);
    call.on('close', () => resolve(release));
    call.resume();
  });
}

/** A POST whose body is on its way until `rest` is called. */
function openPost(id: string): { rest: () => void; answer: Promise<Told> } {
  let rest = (): void => undefined;
  const answer = new Promise<Told>((resolve, reject) => {
    const sent = httpsRequest(
      {
        method: 'POST',
        path: '/count',
        headers: { host: HOST, 'content-type': 'application/json' },
        // No agent: it would make connections of its own.
        createConnection: () => dial(target, ['http/1.1']),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, release: String(response.headers['x-release']), text }),
        );
      },
    );
    sent.on('error', reject);
    sent.write(`{"id":`);
    rest = () => sent.end(`"${id}"}`);
  });
  return { rest, answer };
}

interface Held {
  socket: WebSocket;
  echoes: number;
  closedAt: number | null;
}

async function holdSocket(): Promise<Held> {
  const socket = new WebSocket(`wss://${HOST}/ws`, { createConnection: () => dial(target, ['http/1.1']) });
  const held: Held = { socket, echoes: 0, closedAt: null };
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const timer = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send('here'), 500);
  socket.on('message', () => (held.echoes += 1));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    held.closedAt = performance.now();
    clearInterval(timer);
  });
  return held;
}

/** How often a POST id was executed by all containers of the app that are still there. */
async function executions(id: string): Promise<number> {
  const lines = await stage.vpsShell(
    'for c in $(docker ps -aq --filter label=delivery.app=fixture); do docker logs "$c" 2>&1; done | grep -c "^counted $1$" || true',
    id,
  );
  return Number(lines.trim());
}

describe('what is under way at the switch', () => {
  let from: Built;
  let to: Built;
  let ran: ActionRun;
  let switchedAt = 0;
  let slow: Told;
  let posted: Told;
  const id = randomUUID();
  const http1: string[] = [];
  const http2: string[] = [];
  let sockets: Held[] = [];
  let connections = 0;
  let endAt = 0;

  beforeAll(async () => {
    from = await stage.running('v1');
    to = await stage.built('v2');
    const kept = oneConnection();
    const slowly = oneConnection();
    const session = connectHttp2(`https://${HOST}`, { createConnection: () => dial(target, ['h2']) });
    await new Promise((resolve, reject) => session.once('connect', resolve).once('error', reject));
    sockets = await Promise.all([holdSocket(), holdSocket(), holdSocket()]);
    const deploying = (await stage.startDeploy('v2')).ended;
    const slowAnswer = ask(slowly.client, '/slow?s=20');
    const post = openPost(id);
    let over = false;
    void deploying.finally(() => (over = true));
    while (!over) {
      http1.push((await ask(kept.client, '/')).release);
      http2.push(await askHttp2(session));
      if (switchedAt === 0 && http1.at(-1) === to.releaseId) {
        switchedAt = performance.now();
        setTimeout(post.rest, 1000);
        setTimeout(() => sockets[0]?.socket.close(1000), 3000);
      }
      await sleep(20);
    }
    ran = await deploying;
    slow = await slowAnswer;
    posted = await post.answer;
    connections = kept.opened();
    await sleep(1000);
    endAt = performance.now();
    session.close();
    await Promise.all([kept.client.close(), slowly.client.close()]);
  }, 600_000);
  afterAll(() => sockets.forEach(({ socket }) => socket.terminate()));

  it('a request of 20 seconds ends well on the release that took it', () => {
    expectCode(ran, 0);
    expect(slow).toMatchObject({ status: 200, release: from.releaseId });
    expect(JSON.parse(slow.text)).toEqual({ slept: 20 });
  });

  it('a POST whose body is still on its way is executed once, by the release that took it', async () => {
    expect(posted).toMatchObject({ status: 200, release: from.releaseId });
    expect(JSON.parse(posted.text)).toEqual({ id, count: 1 });
    expect(await executions(id)).toBe(1);
  });

  it('an open client connection, of HTTP/1.1 or HTTP/2, gets no answer of the old release after the first of the new', () => {
    const first = http1.indexOf(to.releaseId);
    expect(first).toBeGreaterThan(10);
    expect(new Set(http1.slice(0, first))).toEqual(new Set([from.releaseId]));
    expect(new Set(http1.slice(first))).toEqual(new Set([to.releaseId]));
    // It is the one connection of before: what changed is where its requests go.
    expect(connections).toBe(1);
    const second = http2.indexOf(`200 ${to.releaseId}`);
    expect(new Set(http2.slice(0, second))).toEqual(new Set([`200 ${from.releaseId}`]));
    expect(new Set(http2.slice(second))).toEqual(new Set([`200 ${to.releaseId}`]));
    expect(second - first).toBeLessThanOrEqual(1);
  });

  it('WebSockets live until they are closed or until the drain limit, and those that are cut are reported', () => {
    const [left, ...stayed] = sockets;
    expect(left?.closedAt).toBeLessThan(switchedAt + 5000);
    for (const { closedAt, echoes } of stayed) {
      expect((closedAt ?? endAt) - switchedAt).toBeGreaterThan((DRAIN_SECONDS - 1) * 1000);
      expect(closedAt).not.toBeNull();
      expect(echoes).toBeGreaterThan(DRAIN_SECONDS);
    }
    expect(JSON.parse(ran.outputs['receipt'] ?? '{}')).toMatchObject({ cut: stayed.length });
    expect(ran.log).toContain(`${String(stayed.length)} connections outlived`);
  });
});

describe('a connection that the app may close at any moment', () => {
  it('costs no POST: the edge gives an idle one up before the app does', async () => {
    await stage.running('v1');
    const { client } = oneConnection();
    // Node's own limit is 5 s: pauses around it, and around the edge's own.
    for (const pause of [3900, 4000, 4100, 4900, 4990, 5000, 5010, 5100]) {
      expect(await ask(client, '/count', JSON.stringify({ id: randomUUID() }))).toMatchObject({ status: 200 });
      await sleep(pause);
    }
    await client.close();
  }, 300_000);
});

describe('an app that ignores SIGTERM', () => {
  it('loses no request: its connections have ended before the signal comes', async () => {
    await stage.running('deaf');
    await stage.built('v2');
    await stage.built('v3');
    const load = await stage.load('mixed', { 'slow-seconds': '4' });
    expectCode(await stage.deploy('v2'), 0);
    // The next one takes the deaf colour's containers away.
    expectCode(await stage.deploy('v3'), 0);
    expectNoDrop(await load.stop());
  }, 400_000);
});

describe('a switch that the public path does not confirm', () => {
  it('is put back under load: every request is answered well by one of the two releases, and the new colour goes', async () => {
    const shy = await stage.built('shy');
    const before = await stage.running('v1');
    const { generation } = await stage.get('/');
    const load = await stage.load('get');
    const ran = await stage.deploy('shy');
    const report = await load.stop();
    expectCode(ran, 1);
    expect(ran.outputs['outcome']).toBe('failed');
    expect(errorLine(ran)).toMatch(/did not answer .* times in a row/);
    expect(ran.log).toMatch(/Last lines of the container[^]* web-1: counted /);
    expect(ran.summary).toMatch(/Last lines of the container[^]*web-1.{1,6} counted /);
    expect(ran.outputs['running-release']).toContain(before.releaseId);
    expectNoDrop(report);
    // Visitors were on it for a while, and are back.
    expect(report.switches.map(({ release }) => release)).toEqual([before.releaseId, shy.releaseId]);
    const [old, tried] = report.switches;
    expect(old?.lastSentAt ?? 0).toBeGreaterThan(tried?.lastSentAt ?? 0);
    expect(await stage.get('/')).toMatchObject({ status: 200, release: before.releaseId, generation });
    // The refusal is told at once; its containers go right after, while the lock is still held.
    const gone = `for n in $(seq 60); do left=$(docker ps -aq --filter label=delivery.release="$1"); [ -n "$left" ] || break; sleep 1; done; echo "$left"`;
    expect((await stage.vpsShell(gone, shy.releaseId)).trim()).toBe('');
  }, 300_000);
});
