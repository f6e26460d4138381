import type { Readable } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import { endpoint } from './known-hosts.ts';
import { connectPinned, type Connected, type SessionOptions } from './connect.ts';
import { SshError } from './errors.ts';
import { LineSplitter, Tail } from './lines.ts';

export interface ExecOptions {
  /** Sent to the command's standard input, which is then closed. Without it standard input is empty. */
  stdin?: string | Buffer | Readable;
  onStdoutLine?: (line: string) => void;
  onStderrLine?: (line: string) => void;
  /** Milliseconds; no bound by default. */
  timeoutMs?: number;
  /** Stops waiting. The remote command is not killed: what must stop has to notice its closed channel. */
  signal?: AbortSignal;
}

export interface ExecResult {
  /** Exit code of the remote command; null when a signal ended it. */
  code: number | null;
  /** Name of that signal without SIG, such as `KILL`. */
  signal: string | null;
  /** Last 8 KiB of standard error. */
  stderrTail: string;
}

export interface Session {
  /** The server's key, as verified. */
  readonly hostKey: { type: string; fingerprint: string };
  /** Address that the connection goes to. */
  readonly address: string;
  /**
   * Runs one command line on the server. The exit code of the command is a result, not an error.
   * @throws SshError of kind `connection-lost`, `exec-refused`, `exec-timeout` or `aborted`
   */
  exec(command: string, options?: ExecOptions): Promise<ExecResult>;
  close(): void;
}

const STDERR_TAIL = 8 * 1024;

/**
 * Opens one SSH connection to a server whose key is pinned. Nothing of the machine's own SSH set-up (files, agent) is read or written.
 * @throws SshError of kind `input`, `unreachable`, `handshake`, `host-key` or `auth`
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  return new PinnedSession(await connectPinned(options), endpoint(options.host, options.port));
}

class PinnedSession implements Session {
  readonly hostKey: { type: string; fingerprint: string };
  readonly address: string;
  readonly #connected: Connected;
  readonly #where: string;
  #lost: string | null = null;

  constructor(connected: Connected, where: string) {
    this.#connected = connected;
    this.#where = where;
    this.hostKey = connected.hostKey;
    this.address = connected.socket.remoteAddress ?? '';
    const { connection } = connected.ssh;
    connection?.on('error', (error: Error) => (this.#lost ??= error.message));
    connection?.on('close', () => (this.#lost ??= 'closed by the server or the network'));
  }

  exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    const { connection } = this.#connected.ssh;
    if (!connection || this.#lost !== null) return Promise.reject(this.#lostError());
    if (options.signal?.aborted) return Promise.reject(new SshError('aborted', 'Stopped before the command was sent'));
    return new Promise((resolve, reject) => {
      let channel: ClientChannel | null = null;
      let settled = false;
      const settle = (act: () => void): void => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', onAbort);
        connection.off('close', onConnectionClose);
        act();
      };
      const fail = (error: SshError): void =>
        settle(() => {
          channel?.close();
          reject(error);
        });
      const onAbort = (): void =>
        fail(new SshError('aborted', 'Stopped while the command was running; it may go on on the server'));
      // The channel's own close event may never come when the connection dies under it.
      const onConnectionClose = (): void => void setImmediate(() => fail(this.#lostError()));
      const timer =
        options.timeoutMs === undefined
          ? undefined
          : setTimeout(
              () =>
                fail(
                  new SshError(
                    'exec-timeout',
                    `The command on ${this.#where} did not end within ${(options.timeoutMs ?? 0) / 1000} s`,
                  ),
                ),
              options.timeoutMs,
            );
      options.signal?.addEventListener('abort', onAbort, { once: true });
      connection.on('close', onConnectionClose);
      connection.exec(command, (error, opened) => {
        if (error) {
          fail(
            this.#lost === null
              ? new SshError('exec-refused', `${this.#where} refused to run the command (${error.message})`)
              : this.#lostError(),
          );
          return;
        }
        channel = opened;
        if (settled) opened.close();
        else
          this.#follow(opened, options, (result) =>
            settle(() => (result instanceof SshError ? reject(result) : resolve(result))),
          );
      });
    });
  }

  /** The end is said to the server, which may take its time to close its side: nobody waits for that. */
  close(): void {
    const { ssh, socket } = this.#connected;
    const destroy = (): void => void socket.destroy();
    socket.once('finish', destroy);
    ssh.dispose();
    setTimeout(destroy, 1000).unref();
  }

  #follow(channel: ClientChannel, options: ExecOptions, done: (result: ExecResult | SshError) => void): void {
    const tail = new Tail(STDERR_TAIL);
    const stdout = new LineSplitter((line) => options.onStdoutLine?.(line));
    const stderr = new LineSplitter((line) => {
      tail.push(line);
      options.onStderrLine?.(line);
    });
    let exit: { code: number | null; signal: string | null } | null = null;
    channel.on('data', (chunk: Buffer) => stdout.push(chunk));
    channel.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    channel.on('exit', (code: number | null, signal?: string) => {
      exit = { code: code ?? null, signal: signal ? signal.replace(/^SIG/, '') : null };
    });
    // A command that ends without reading all of its input is judged by its exit code, not by the broken pipe.
    channel.on('error', () => undefined);
    channel.on('close', () => {
      stdout.end();
      stderr.end();
      done(exit ? { ...exit, stderrTail: tail.toString() } : this.#lostError());
    });
    const { stdin } = options;
    if (stdin === undefined) channel.end();
    else if (typeof stdin === 'string' || Buffer.isBuffer(stdin)) channel.end(stdin);
    else stdin.pipe(channel);
  }

  #lostError(): SshError {
    return new SshError(
      'connection-lost',
      `The SSH connection to ${this.#where} was lost (${this.#lost ?? 'the channel closed without an exit code'})`,
    );
  }
}
