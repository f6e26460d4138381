import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { ENVELOPE_MAX_BYTES, RELEASE_ID } from '@delivery/release';
import type { Envelope } from '@delivery/release';
import { envelopeFor } from './envelope.ts';

/** A rollback that wants its answer from the deploy that is watching its release. */
export interface Interruption {
  envelope: Envelope;
  /** Answers with the event lines of the rollback; the launcher prints them and ends with 0 only where `good`. */
  answer(lines: string, good: boolean): void;
}

/** Owner and group alone: the deploy user is in the group that the directory hands on, and reaches it through the launcher. */
const MODE_MASK = 0o117;

/**
 * The agent's unix socket while a release is watched: `POST /rollback/<release or nothing>` with an envelope. A rollback needs no
 * container and no lock then, because the holder of the lock carries it out. Everything that is not such a rollback is answered with
 * nothing, upon which the launcher goes the usual way, where a wrong call gets its message.
 */
export class Door {
  /** Aborted as soon as a rollback has come in. */
  readonly interrupted: AbortSignal;
  private readonly server: Server;
  private readonly controller = new AbortController();
  private readonly socket: string;
  private open = true;
  private taken: Interruption | null = null;

  private constructor(socket: string, before: string) {
    this.socket = socket;
    this.interrupted = this.controller.signal;
    this.server = createServer((request, response) => {
      this.receive(request, response, before).catch(() => decline(response));
    });
  }

  /**
   * @param before release that a rollback without a name means now
   * @returns null where no socket can be made: then rollbacks wait for the lock, as on a host without a place for it
   */
  static async open(socket: string, before: string): Promise<Door | null> {
    const door = new Door(socket, before);
    const mask = process.umask(MODE_MASK);
    try {
      mkdirSync(dirname(socket), { recursive: true, mode: 0o750 });
      // What an agent that died left; it holds no lock, so nobody listens on it.
      rmSync(socket, { force: true });
      await new Promise<void>((resolve, reject) => {
        door.server.once('error', reject);
        door.server.listen(socket, resolve);
      });
      return door;
    } catch {
      door.server.close();
      return null;
    } finally {
      process.umask(mask);
    }
  }

  /** The rollback that came in, if one did. After this no other one is taken. */
  close(): Interruption | null {
    this.open = false;
    rmSync(this.socket, { force: true });
    this.server.close();
    return this.taken;
  }

  private async receive(request: IncomingMessage, response: ServerResponse, before: string): Promise<void> {
    const requested = /^\/rollback\/([^/?]*)$/.exec(request.url ?? '')?.[1];
    if (request.method !== 'POST' || requested === undefined) return decline(response);
    if (requested !== '' && (!RELEASE_ID.test(requested) || requested !== before)) return decline(response);
    if (Number(request.headers['content-length'] ?? 0) > ENVELOPE_MAX_BYTES) return decline(response);
    const envelope = envelopeFor('rollback', await text(request), String(request.headers['x-actor'] ?? ''));
    if (!this.open || this.taken !== null) return decline(response);
    this.taken = {
      envelope,
      answer: (lines, good) => response.writeHead(good ? 200 : 500, { connection: 'close' }).end(lines.trimEnd()),
    };
    this.controller.abort();
  }
}

function decline(response: ServerResponse): void {
  response.writeHead(409, { connection: 'close' }).end();
}
