/**
 * A link with a round trip, for the SSH connection between runner and host: every byte, and the opening of each connection, arrives
 * `--delay-ms` later than it was sent, in order, nothing lost, no limit on the bandwidth.
 *   node bench/forwarder.ts --listen 2222 --to vps.test:22 --delay-ms 20
 * Prints `listening`, then one line `connection N` for each connection that was opened through it. Runs inside the runner test host.
 */
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { listen: { type: 'string' }, to: { type: 'string' }, 'delay-ms': { type: 'string', default: '20' } },
});
const [host = '', port = ''] = (values.to ?? '').split(':');
const delayMs = Number(values['delay-ms']);
if (host === '' || !(Number(port) > 0) || !(Number(values.listen) > 0) || !(delayMs >= 0 && delayMs <= 1000))
  throw new Error('--listen PORT --to HOST:PORT [--delay-ms 0..1000] expected');

/** Timers of the same length fire in the order in which they were set, so nothing overtakes anything. */
function later(act: () => void): void {
  setTimeout(act, delayMs);
}

function pipe(from: Socket, to: Socket): void {
  from.on('data', (chunk: Buffer) => later(() => to.write(chunk)));
  from.on('end', () => later(() => to.end()));
  from.on('close', () => later(() => to.destroy()));
}

let connections = 0;
const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
  connections += 1;
  console.log(`connection ${String(connections)}`);
  near.on('error', () => near.destroy());
  // What the client sends before the server knows of it waits for the three packets that open a TCP connection.
  near.pause();
  setTimeout(() => {
    const far = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
    far.on('error', () => near.destroy());
    far.once('connect', () => {
      const early = near.read() as Buffer | null;
      if (early !== null) far.write(early);
      pipe(near, far);
      pipe(far, near);
      near.resume();
    });
  }, 3 * delayMs);
});
server.listen(Number(values.listen), '127.0.0.1', () => console.log('listening'));
