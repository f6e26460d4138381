import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openSession, type Session, type SessionOptions, SshError, type SshErrorKind } from '../src/index.ts';
import { startServer, type Run, type TestServer } from './server.ts';
import { makeKey } from './keys.ts';

const key = makeKey('ed25519');
const stranger = makeKey('ed25519');
const hostEd = makeKey('ed25519');
const hostEc = makeKey('ecdsa', { bits: 256 });

/** What the commands of these tests do on the server. */
const run: Run = (channel, command, self) => {
  const [verb = '', argument = ''] = command.split(' ');
  if (verb === 'echo') {
    channel.on('data', (chunk: Buffer) => channel.write(chunk));
    channel.on('end', () => {
      channel.exit(0);
      channel.end();
    });
  } else if (verb === 'exit') {
    channel.stderr.write('line 1\nline 2');
    channel.exit(Number(argument));
    channel.end();
  } else if (verb === 'killed') {
    channel.exit('KILL' as never);
    channel.end();
  } else if (verb === 'cut') {
    channel.write('so far\n', () => self.cut());
  } else if (verb === 'vanish') {
    channel.end();
  }
};

let server: TestServer;
let session: Session | undefined;

beforeAll(async () => {
  server = await startServer([hostEd, hostEc], key.public, run);
});
afterAll(() => server.close());
afterEach(() => {
  session?.close();
  session = undefined;
});

const options = (changes: Partial<SessionOptions> = {}): SessionOptions => ({
  host: '127.0.0.1',
  port: server.port,
  user: 'deploy',
  key: key.private,
  knownHosts: `[127.0.0.1]:${server.port} ${server.hostKeys[0]?.line ?? ''}`,
  connectTimeoutMs: 5000,
  ...changes,
});

async function failure(promise: Promise<unknown>): Promise<{ kind: SshErrorKind; message: string }> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SshError)) throw new Error(`not an SshError: ${String(error)}`);
  return { kind: error.kind, message: error.message };
}

describe('openSession', () => {
  it('accepts each form of pin, also one for the second host key', async () => {
    const [ed, ec] = server.hostKeys;
    for (const pin of [options().knownHosts, `* ${ec?.line ?? ''}`, ed?.fingerprint ?? '', ec?.fingerprint ?? '']) {
      const opened = await openSession(options({ knownHosts: pin }));
      const wanted = pin.includes('ecdsa') || pin === ec?.fingerprint ? ec : ed;
      expect(opened.hostKey.fingerprint).toBe(wanted?.fingerprint);
      opened.close();
    }
  });

  it('reaches a server by its IPv6 address, and writes that one in brackets where it says so', async () => {
    // The one IPv6 address that every machine has, also a container without IPv6: it leads to 127.0.0.1.
    const host = '::ffff:127.0.0.1';
    const { port } = server;
    session = await openSession(options({ host, knownHosts: `[${host}]:${port} ${server.hostKeys[0]?.line ?? ''}` }));
    expect(session.address).toBe(host);
    const { message } = await failure(openSession(options({ host, knownHosts: `* ${stranger.public}` })));
    expect(message).toContain(`Host key of [${host}]:${port} is not the pinned one`);
  });

  it('refuses another host key, names what was offered and how to compare, and sends nothing', async () => {
    const before = server.commands.length;
    const { kind, message } = await failure(openSession(options({ knownHosts: `* ${stranger.public}` })));
    expect(kind).toBe('host-key');
    expect(message).toContain(`ssh-ed25519 ${server.hostKeys[0]?.fingerprint ?? ''}`);
    expect(message).toContain('ssh-keygen -lf');
    expect(message).toContain("the server's own console");
    expect(message).toContain('ssh-keyscan shows is no proof');
    expect(server.commands).toHaveLength(before);
  });

  it('lists every offered key against a wrong fingerprint', async () => {
    const { kind, message } = await failure(openSession(options({ knownHosts: `SHA256:${'A'.repeat(43)}` })));
    expect(kind).toBe('host-key');
    for (const offered of server.hostKeys) expect(message).toContain(offered.fingerprint);
  });

  it('negotiates only the pinned type, and says what the server has instead', async () => {
    const p384 = makeKey('ecdsa', { bits: 384 });
    const { kind, message } = await failure(openSession(options({ knownHosts: `* ${p384.public}` })));
    expect(kind).toBe('host-key');
    expect(message).toContain('ecdsa-sha2-nistp384');
    expect(message).toContain(server.hostKeys[0]?.fingerprint);
  });

  it('refuses a revoked key although it is pinned', async () => {
    const line = server.hostKeys[0]?.line ?? '';
    expect(await failure(openSession(options({ knownHosts: `@revoked * ${line}\n* ${line}` })))).toMatchObject({
      kind: 'host-key',
      message: expect.stringContaining('@revoked'),
    });
  });

  it('tells a refused login from an unreachable host, and shows the public fingerprint of the key', async () => {
    const { kind, message } = await failure(openSession(options({ key: stranger.private })));
    expect(kind).toBe('auth');
    expect(message).toMatch(/public fingerprint is SHA256:/);
    expect(message).not.toContain('PRIVATE');
  });

  it('logs in by password where a server has no key yet', async () => {
    session = await openSession(options({ key: undefined, password: 'first run' }));
    expect(await session.exec('exit 0')).toMatchObject({ code: 0 });
    expect(await failure(openSession(options({ key: undefined, password: 'wrong-canary' })))).toMatchObject({
      kind: 'auth',
      message: expect.not.stringContaining('canary'),
    });
  });

  it('refuses what cannot work before it connects', async () => {
    const nowhere = { host: 'host.invalid' };
    expect(await failure(openSession(options({ ...nowhere, key: 'text' })))).toMatchObject({ kind: 'input' });
    expect(await failure(openSession(options({ ...nowhere, knownHosts: '' })))).toMatchObject({ kind: 'input' });
    expect(
      await failure(openSession(options({ ...nowhere, knownHosts: '* ' + stranger.public, key: undefined }))),
    ).toMatchObject({ kind: 'input' });
  });
});

describe('a port without an SSH server', () => {
  let silent: Server;
  let web: Server;
  beforeAll(async () => {
    silent = createServer(() => undefined).listen(0, '127.0.0.1');
    web = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
    await Promise.all([once(silent, 'listening'), once(web, 'listening')]);
  });
  afterAll(() => {
    silent.close();
    web.close();
  });
  const pinned = (port: number, connectTimeoutMs: number): SessionOptions =>
    options({ port, connectTimeoutMs, knownHosts: `* ${stranger.public}` });

  it('that refuses is named at once', async () => {
    const port = (silent.address() as AddressInfo).port;
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const closed = (free.address() as AddressInfo).port;
    await new Promise((resolve) => free.close(resolve));
    expect(closed).not.toBe(port);
    expect(await failure(openSession(pinned(closed, 5000)))).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining(`127.0.0.1:${closed}: connection refused`),
    });
  });

  it('that stays silent is given up after the connect timeout', async () => {
    const port = (silent.address() as AddressInfo).port;
    const start = Date.now();
    const { kind, message } = await failure(openSession(pinned(port, 400)));
    expect(Date.now() - start).toBeLessThan(2000);
    expect({ kind, message }).toEqual({ kind: 'handshake', message: expect.stringContaining(`127.0.0.1:${port}`) });
    expect(message).toContain('0.4 s');
  });

  it('that speaks something else is named', async () => {
    const port = (web.address() as AddressInfo).port;
    expect(await failure(openSession(pinned(port, 5000)))).toMatchObject({
      kind: 'handshake',
      message: expect.stringMatching(/Is an SSH server listening/),
    });
  });

  it('of a name that does not resolve is named', async () => {
    expect(
      await failure(openSession(options({ host: 'host.invalid', port: 22, knownHosts: `* ${stranger.public}` }))),
    ).toMatchObject({ kind: 'unreachable', message: expect.stringContaining('host.invalid:22') });
  });
});

describe('exec', () => {
  it('sends standard input and hands on whole lines, also of split characters and without a final newline', async () => {
    session = await openSession(options());
    const lines: string[] = [];
    const text = `${'ä€😀'.repeat(20_000)}\nsecond\r\n\nlast`;
    const result = await session.exec('echo', { stdin: text, onStdoutLine: (line) => lines.push(line) });
    expect(result).toEqual({ code: 0, signal: null, stderrTail: '' });
    expect(lines).toEqual(text.replace('\r', '').split('\n'));
  });

  it('returns the exit code of the command and the end of its standard error', async () => {
    session = await openSession(options());
    expect(await session.exec('exit 75')).toEqual({ code: 75, signal: null, stderrTail: 'line 1\nline 2' });
    expect(await session.exec('exit 255')).toMatchObject({ code: 255 });
    expect(await session.exec('killed')).toMatchObject({ code: null, signal: 'KILL' });
  });

  it('does not fail because the command ends without reading its input', async () => {
    session = await openSession(options());
    expect(await session.exec('exit 3', { stdin: 'x'.repeat(1024 * 1024) })).toMatchObject({ code: 3 });
  });

  it('tells a lost connection from an exit code, keeping the lines that came before', async () => {
    session = await openSession(options());
    const lines: string[] = [];
    expect(await failure(session.exec('cut', { onStdoutLine: (line) => lines.push(line) }))).toMatchObject({
      kind: 'connection-lost',
    });
    expect(lines).toEqual(['so far']);
    expect(await failure(session.exec('exit 0'))).toMatchObject({ kind: 'connection-lost' });
  });

  it('does not take a channel that closes without an exit code for success', async () => {
    session = await openSession(options());
    expect(await failure(session.exec('vanish'))).toMatchObject({ kind: 'connection-lost' });
  });

  it('stops waiting by time and by signal, and the session stays usable', async () => {
    session = await openSession(options());
    expect(await failure(session.exec('hang', { timeoutMs: 50 }))).toMatchObject({ kind: 'exec-timeout' });
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 50);
    expect(await failure(session.exec('hang', { signal: cancel.signal }))).toMatchObject({ kind: 'aborted' });
    expect(await failure(session.exec('hang', { signal: cancel.signal }))).toMatchObject({ kind: 'aborted' });
    expect(await session.exec('exit 0')).toMatchObject({ code: 0 });
  });
});
