import { request } from 'node:http';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Door } from '../src/preempt.ts';

let directory: string;
let socket: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'door-'));
  socket = join(directory, 'run', 'shop.sock');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function ring(
  path: string,
  body = '',
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socket, path, method: options.method ?? 'POST', headers: options.headers });
    call.on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    call.on('error', reject);
    call.end(body);
  });
}

async function opened(): Promise<Door> {
  const door = await Door.open(socket, 'r1');
  if (door === null) throw new Error('no door');
  return door;
}
const ENVELOPE = JSON.stringify({ format: 1, operation: 'op-7', actor: 'mia' });

describe('the socket of an agent that watches a release', () => {
  it('takes one rollback to the release of before, and answers when it is told to', async () => {
    const door = await opened();
    const answer = ring('/rollback/', ENVELOPE);
    await new Promise((resolve) => door.interrupted.addEventListener('abort', resolve));
    expect(await ring('/rollback/', ENVELOPE)).toEqual({ status: 409, text: '' });
    const taken = door.close();
    expect(taken?.envelope).toMatchObject({ operation: 'op-7', actor: 'mia' });
    taken?.answer('{"a":1}\n{"b":2}\n', true);
    expect(await answer).toEqual({ status: 200, text: '{"a":1}\n{"b":2}' });
  });

  it('says a failed one by its status', async () => {
    const door = await opened();
    const answer = ring('/rollback/r1', ENVELOPE);
    await new Promise((resolve) => door.interrupted.addEventListener('abort', resolve));
    door.close()?.answer('{}', false);
    expect((await answer).status).toBe(500);
  });

  it('makes an operation of a call from a shell on the host', async () => {
    const door = await opened();
    void ring('/rollback/', '', { headers: { 'x-actor': 'root@shop' } }).catch(() => undefined);
    await new Promise((resolve) => door.interrupted.addEventListener('abort', resolve));
    const taken = door.close();
    expect(taken?.envelope).toMatchObject({ actor: 'root@shop', operation: expect.stringMatching(/^host-/) });
    taken?.answer('', true);
  });

  it.each([
    ['another release', '/rollback/r0', ENVELOPE, 'POST'],
    ['no release id', '/rollback/..%2f', ENVELOPE, 'POST'],
    ['another verb', '/deploy/r1', ENVELOPE, 'POST'],
    ['a question', '/rollback/', '', 'GET'],
    ['no envelope', '/rollback/', 'hello', 'POST'],
    ['an unknown key', '/rollback/', '{"format":1,"operation":"x","command":"id"}', 'POST'],
  ])('leaves %s to the usual way, with nothing said', async (_what, path, body, method) => {
    const door = await opened();
    expect(await ring(path, body, { method })).toEqual({ status: 409, text: '' });
    expect(door.interrupted.aborted).toBe(false);
    expect(door.close()).toBeNull();
  });

  it('is for owner and group alone, replaces what a dead agent left, and goes when it closes', async () => {
    (await opened()).close();
    writeFileSync(socket, 'left');
    const door = await opened();
    expect(statSync(socket).mode & 0o777).toBe(0o660);
    door.close();
    expect(existsSync(socket)).toBe(false);
  });

  it('is done without where it cannot be made', async () => {
    writeFileSync(join(directory, 'run'), 'a file');
    expect(await Door.open(socket, 'r1')).toBeNull();
  });
});
