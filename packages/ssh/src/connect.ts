import { connect as tcpConnect, type Socket } from 'node:net';
import { NodeSSH, type Config } from 'node-ssh';
import { SshError } from './errors.ts';
import { fingerprint, keyType } from './fingerprint.ts';
import { diagnoseKey } from './key.ts';
import { endpoint, hostKeyAlgorithms, howToGet, KEY_TYPES, readPins, type Pins } from './known-hosts.ts';

export interface SessionOptions {
  host: string;
  port: number;
  user: string;
  /** Private key, text of the file. */
  key?: string | undefined;
  passphrase?: string | undefined;
  /** Only for servers that have no key yet. Tried after the key. */
  password?: string | undefined;
  /** Lines of known_hosts or `SHA256:...` fingerprints. Mandatory: there is no way around the check. */
  knownHosts: string;
  /** Bound for the whole of connecting: TCP, handshake and authentication. Milliseconds. */
  connectTimeoutMs: number;
}

export interface Connected {
  ssh: NodeSSH;
  socket: Socket;
  hostKey: { type: string; fingerprint: string };
}

interface Offer {
  type: string;
  fingerprint: string;
}

class HostKeyRefused extends Error {
  readonly offer: Offer | null;
  constructor(offer: Offer | null) {
    super('host key refused');
    this.offer = offer;
  }
}

const KEEPALIVE_MS = 15_000;
const KEEPALIVE_MISSES = 4;

/** Connects once, with the host key pinned. @throws SshError */
export async function connectPinned(options: SessionOptions): Promise<Connected> {
  const { host, port } = options;
  const pins = readPins(options.knownHosts, host, port);
  const credentials = readCredentials(options);
  const deadline = Date.now() + options.connectTimeoutMs;
  const offers: Offer[] = [];
  // A fingerprint does not say its type, so a server with several keys is asked for the next one after each that differs.
  let types = pins.types ?? KEY_TYPES;
  for (;;) {
    try {
      return await attempt(options, credentials, types, pins, deadline);
    } catch (error) {
      if (!(error instanceof HostKeyRefused)) throw error;
      if (error.offer) offers.push(error.offer);
      if (error.offer && pins.types === null) {
        types = types.filter((type) => type !== error.offer?.type);
        if (types.length > 0) continue;
      }
      const known = offers.length > 0 ? offers : await askForKey(options, credentials, deadline);
      throw hostKeyError(options, pins, known);
    }
  }
}

interface Credentials {
  config: Config;
  /** Public facts for messages. */
  description: string;
}

function readCredentials(options: SessionOptions): Credentials {
  const config: Config = {};
  const methods: string[] = [];
  const offered: string[] = [];
  if (options.key !== undefined) {
    const diagnosis = diagnoseKey(options.key, options.passphrase);
    if (!diagnosis.ok)
      throw new SshError(
        'input',
        `The private key cannot be used: ${diagnosis.reason}. To repair: ${diagnosis.repair}`,
      );
    config.privateKey = diagnosis.key;
    if (options.passphrase) config.passphrase = options.passphrase;
    methods.push('publickey');
    offered.push(
      `the key whose public fingerprint is ${diagnosis.fingerprint} (${diagnosis.type}; this is public information)`,
    );
  }
  if (options.password) {
    config.password = options.password;
    config.tryKeyboard = true;
    methods.push('password', 'keyboard-interactive');
    offered.push('a password');
  }
  if (methods.length === 0)
    throw new SshError('input', 'Neither a private key nor a password was given for the SSH login');
  config.authHandler = methods as NonNullable<Config['authHandler']>;
  return { config, description: offered.join(' and ') };
}

/** The server's key, learned by a handshake that is broken off before anything is sent; for the error message only. */
async function askForKey(options: SessionOptions, credentials: Credentials, deadline: number): Promise<Offer[]> {
  const nobody: Pins = { trusted: new Set(), revoked: new Set(), types: KEY_TYPES };
  try {
    await attempt(options, credentials, KEY_TYPES, nobody, deadline);
  } catch (error) {
    if (error instanceof HostKeyRefused && error.offer) return [error.offer];
  }
  return [];
}

function hostKeyError({ host, port }: SessionOptions, pins: Pins, offers: readonly Offer[]): SshError {
  const offered =
    offers.map((offer) => `${offer.type} ${offer.fingerprint}`).join(', ') || 'no key of a supported type';
  const pinned = [...pins.trusted].join(', ');
  const revoked = offers.some((offer) => pins.revoked.has(offer.fingerprint))
    ? ' The offered key is marked @revoked.'
    : '';
  const wanted = pins.types ? ` of type ${pins.types.join(', ')}` : '';
  return new SshError(
    'host-key',
    `Host key of ${endpoint(host, port)} is not the pinned one. Offered: ${offered}. Pinned${wanted}: ${pinned}.${revoked} Nothing was sent. ` +
      `If the server was reinstalled: ${howToGet(host, port)}. Otherwise somebody may be in between`,
  );
}

async function attempt(
  options: SessionOptions,
  credentials: Credentials,
  types: readonly string[],
  pins: Pins,
  deadline: number,
): Promise<Connected> {
  const { host, port, user } = options;
  const seconds = options.connectTimeoutMs / 1000;
  const socket = await openTcp(host, port, deadline, seconds);
  let offer: Offer | null = null;
  let accepted = false;
  const ssh = new NodeSSH();
  try {
    await ssh.connect({
      ...credentials.config,
      username: user,
      sock: socket,
      readyTimeout: Math.max(deadline - Date.now(), 1),
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVE_MISSES,
      algorithms: { serverHostKey: hostKeyAlgorithms(types) as never },
      hostVerifier: (key: Buffer) => {
        offer = { type: keyType(key) ?? 'unknown', fingerprint: fingerprint(key) };
        accepted = pins.trusted.has(offer.fingerprint) && !pins.revoked.has(offer.fingerprint);
        return accepted;
      },
    });
    return { ssh, socket, hostKey: offer ?? { type: 'unknown', fingerprint: '' } };
  } catch (cause) {
    socket.destroy();
    if (offer && !accepted) throw new HostKeyRefused(offer);
    const { message, level } = describe(cause);
    if (/no matching host key format/.test(message)) throw new HostKeyRefused(null);
    if (level === 'client-authentication' || /authentication fail/i.test(message)) {
      throw new SshError(
        'auth',
        `${endpoint(host, port)} is the pinned server, but refused to log in "${user}" with ${credentials.description}. ` +
          `Is the public key in the authorized_keys of "${user}", and may that user log in?`,
      );
    }
    if (level === 'client-timeout' || Date.now() >= deadline) {
      throw new SshError(
        'handshake',
        `${endpoint(host, port)} accepted the connection, but the SSH login did not complete within ${seconds} s`,
      );
    }
    throw new SshError(
      'handshake',
      `${endpoint(host, port)} answered, but no SSH session came about (${message}). Is an SSH server listening there?`,
    );
  }
}

function openTcp(host: string, port: number, deadline: number, seconds: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = tcpConnect({ host, port, noDelay: true });
    const fail = (why: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new SshError('unreachable', `Cannot reach ${endpoint(host, port)}: ${why}`));
    };
    const timer = setTimeout(
      () => fail(`no answer within ${seconds} s (host down, or a firewall drops the packets)`),
      Math.max(deadline - Date.now(), 1),
    );
    socket.once('error', (error: NodeJS.ErrnoException) => fail(explain(error)));
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

function explain(error: NodeJS.ErrnoException): string {
  const errors = error instanceof AggregateError ? (error.errors as NodeJS.ErrnoException[]) : [error];
  const codes = new Set(errors.map((each) => each.code ?? 'unknown error'));
  const first = [...codes][0] ?? 'unknown error';
  if (codes.has('ENOTFOUND') || codes.has('EAI_AGAIN')) return `the name does not resolve (${first})`;
  if (codes.has('ECONNREFUSED')) return 'connection refused (nothing listens on that port, or a firewall rejects it)';
  if (codes.has('ENETUNREACH'))
    return 'network unreachable (if the host has IPv6 only: GitHub-hosted runners have no IPv6)';
  if (codes.has('EHOSTUNREACH')) return 'no route to the host';
  return [...codes].join(', ');
}

function describe(cause: unknown): { message: string; level: string } {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  return { message: error.message, level: (error as Error & { level?: string }).level ?? '' };
}
