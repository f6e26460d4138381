import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import ssh2 from 'ssh2';
import { fingerprint } from '../src/index.ts';

/** A real SSH server on loopback, in this process, so that the tests need nothing installed. */
export interface TestServer {
  port: number;
  hostKeys: { line: string; fingerprint: string }[];
  /** Commands as they came in. */
  commands: string[];
  /** Breaks every connection without a goodbye. */
  cut(): void;
  close(): void;
}

export type Run = (channel: ssh2.ServerChannel, command: string, server: TestServer) => void;

export async function startServer(
  hostKeys: readonly { private: string; public: string }[],
  publicKey: string,
  run: Run,
): Promise<TestServer> {
  const allowed = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  const sockets = new Set<{ destroy(): void }>();
  const server = new ssh2.Server({ hostKeys: hostKeys.map((key) => key.private) }, (client) => {
    client.on('error', () => undefined);
    client.on('authentication', (context) => {
      if (context.method === 'password' && context.password === 'first run') context.accept();
      else if (context.method === 'publickey' && context.key.data.equals(allowed)) context.accept();
      else context.reject(['publickey', 'password']);
    });
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, _reject, info) => {
        self.commands.push(info.command);
        const channel = acceptExec();
        channel.on('error', () => undefined);
        run(channel, info.command, self);
      });
    });
  });
  // ssh2's server wraps a plain one whose sockets it does not hand out.
  (server as unknown as { _srv: Server })._srv.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const self: TestServer = {
    port: (server.address() as AddressInfo).port,
    hostKeys: hostKeys.map((key) => ({
      line: key.public.trim(),
      fingerprint: fingerprint(Buffer.from(key.public.split(' ')[1] ?? '', 'base64')),
    })),
    commands: [],
    cut: () => sockets.forEach((socket) => socket.destroy()),
    close: () => {
      server.close();
      self.cut();
    },
  };
  return self;
}
