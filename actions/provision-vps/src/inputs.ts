import { createPrivateKey, X509Certificate } from 'node:crypto';
import { APP_NAME, REPOSITORY } from '@delivery/release';
import { registryLogin, type InputReader } from '@delivery/runner';
import { connectionInputs } from '@delivery/runner/host';
import type { SignaturePolicy } from '@delivery/release';
import { diagnoseKey, type SessionOptions } from '@delivery/ssh';
import type { Admin } from '../../../host/provision/admin.ts';
import { readSignatures } from './signatures.ts';
import { parsePorts, type OpenPort } from '../../../host/provision/ports.ts';
import { RESERVED_APPS } from '../../../host/provision/policy.ts';
import type { DockerSource } from '../../../host/provision/packages.ts';
import { DEFAULT_EDGE_IMAGE, PROFILES, type Profile, type TlsPlan } from '../../../host/provision/tasks.ts';

/** `plan` says what would change, `apply` changes it, `verify` fails where something is not as it should be. */
export const MODES = ['plan', 'apply', 'verify'] as const;
export type Mode = (typeof MODES)[number];

export interface Inputs extends HostInputs {
  /** Login as root, or as a user that becomes root by sudo without a password. */
  connection: SessionOptions & { key: string };
}

/** What the host is to become; how it is reached is another matter. */
export interface HostInputs {
  mode: Mode;
  profile: Profile;
  app: string;
  /** Prefix of the release images that the host will take; null leaves what it has. */
  repository: string | null;
  /** Who must have signed a release; null asks for no signature. */
  signatures: SignaturePolicy | null;
  /** Who administers the host from now on. */
  admin: Admin;
  /** Port to move sshd to; null leaves it where it is. */
  newSshPort: number | null;
  /** Seconds until a change of sshd that nobody has confirmed is undone. */
  revertSeconds: number;
  deployUser: string;
  /** `<type> <base64>` */
  deployKey: string;
  /** Null in mode verify where none is given: then it is the one that the host has. */
  agentImage: string | null;
  edgeImage: string;
  registry: { host: string; username: string; password: string } | null;
  tls: TlsPlan;
  /** Whose packages Docker comes from where there is none yet. */
  dockerPackages: DockerSource;
  /** What the world may reach beyond SSH and the edge. */
  openPorts: OpenPort[];
  allowUnsupportedOs: boolean;
  allowSmallHost: boolean;
  /** Names whose addresses must be the host's. */
  dnsNames: string[];
  /** The deploy key may run one-off commands in the live release. */
  allowRun: boolean;
}

/** An image reference with an optional tag and digest. */
const IMAGE =
  /^[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$/;
const PUBLIC_KEY =
  /^((?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)) ([A-Za-z0-9+/]{40,}={0,2})(?: [^\p{Cc}]*)?$/u;
const DNS_NAME = /^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,62}$/;
const EMAIL = /^[^\s@"'`\\{}]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,}$/;

/** Reads and checks every input; nothing is connected to before all of them are right. */
export function readProvisionInputs(input: InputReader): Inputs {
  const login = connection(input);
  const key = diagnoseKey(login.key, login.passphrase);
  return { connection: login, ...readHostInputs(input, login.user, key.ok ? key.publicLine : null) };
}

/**
 * @param login the user that provisioning itself logs in as
 * @param adminKey public half of its key; where it is not known, no other user can be made for it
 */
export function readHostInputs(input: InputReader, login: string, adminKey: string | null = null): HostInputs {
  const mode = input.choice('mode', MODES, 'apply');
  const agent = mode === 'verify' && input.optional('agent-image') === null ? null : input.digestRef('agent-image');
  const admin = adminOf(input, login, adminKey);
  const allowed = repository(input);
  const profile = input.choice('profile', PROFILES, 'hardened');
  if (profile === 'minimal') refuseHardening(input);
  return {
    mode,
    profile,
    app: app(input),
    repository: allowed,
    signatures: readSignatures(input, allowed),
    admin,
    newSshPort: newSshPort(input),
    revertSeconds: input.int('revert-seconds', { fallback: 120, min: 5, max: 600 }),
    deployUser: deployUser(input, login, admin.user),
    deployKey: deployKey(input),
    agentImage: agent?.ref ?? null,
    edgeImage: input.text('edge-image', {
      fallback: DEFAULT_EDGE_IMAGE,
      pattern: IMAGE,
      allowed: 'an image reference, best with @sha256:<64 hex digits>',
    }),
    registry: registry(input, agent?.repository ?? ''),
    tls: tls(input),
    dockerPackages: input.choice('docker-packages', ['distribution', 'docker'], 'distribution'),
    openPorts: openPorts(input),
    allowUnsupportedOs: input.bool('allow-unsupported-os', false),
    allowSmallHost: input.bool('allow-small-host', false),
    dnsNames: dnsNames(input),
    allowRun: input.bool('allow-run', false),
  };
}

function dnsNames(input: InputReader): string[] {
  const name = 'dns-names';
  const lines = input
    .block(name, { fallback: '' })
    .split(/[\s,]+/)
    .filter((line) => line !== '');
  for (const line of lines)
    if (!DNS_NAME.test(line))
      input.reject(name, JSON.stringify(line.slice(0, 80)), 'host names such as shop.example.org, one a line');
  return [...new Set(lines.map((line) => line.toLowerCase()))];
}

function connection(input: InputReader): Inputs['connection'] {
  const options = connectionInputs(input, { defaultUser: 'root', password: true });
  // Password logins are closed at the end: without a key nobody could come back.
  if (options.key === undefined && options.password !== undefined) {
    input.reject(
      'ssh-private-key',
      'nothing',
      'a private key; with "password" its public half is installed on the server first',
    );
  }
  return { ...options, key: options.key ?? '' };
}

function app(input: InputReader): string {
  const name = input.text('app', {
    pattern: APP_NAME,
    allowed: 'a name of a-z, 0-9 and -, beginning with a letter, at most 31 characters',
  });
  if (RESERVED_APPS.includes(name))
    input.reject('app', JSON.stringify(name), "another name: /opt has a directory of that name that is the host's own");
  return name;
}

function repository(input: InputReader): string | null {
  const name = 'repository';
  const allowed = '<registry host>/<path> without tag and digest, such as ghcr.io/owner/repo';
  // GitHub keeps the case of owner and repository names, registries do not take it.
  const value = input.optional(name, { pattern: new RegExp(REPOSITORY.source, 'i'), allowed })?.toLowerCase() ?? null;
  if (value !== null && !/^(localhost|[^/]*[.:][^/]*)\//.test(value))
    input.reject(name, JSON.stringify(value), allowed);
  return value;
}

/** A login that is not root is the admin already, with a key and sudo of its own. */
function adminOf(input: InputReader, login: string, key: string | null): Admin {
  const user = input.user('admin-user', 'ops');
  if (login !== 'root') return { user: login, key: null };
  return user === 'root' || key === null ? { user: 'root', key: null } : { user, key };
}

/** Whoever asks for these means something that `minimal` does not do. */
function refuseHardening(input: InputReader): void {
  for (const name of ['new-ssh-port', 'open-ports']) {
    const value = input.text(name, { fallback: '' });
    if (value !== '')
      input.reject(
        name,
        JSON.stringify(value),
        'nothing with "profile: minimal", which leaves sshd and the firewall as they are',
      );
  }
}

function newSshPort(input: InputReader): number | null {
  const name = 'new-ssh-port';
  if (input.text(name, { fallback: '' }) === '') return null;
  const port = input.port(name);
  if (port === 80 || port === 443) input.reject(name, String(port), 'a port that the edge does not need');
  return port;
}

function deployUser(input: InputReader, login: string, admin: string): string {
  const name = input.user('deploy-user', 'deploy');
  if (name === 'root')
    input.reject(
      'deploy-user',
      '"root"',
      'a user of its own, since its password is locked and its keys can only deploy',
    );
  else if (name === login || name === admin)
    input.reject(
      'deploy-user',
      `${JSON.stringify(name)}, which is also the ${name === login ? '"vps-user" that this action logs in as' : '"admin-user"'}`,
      'another user: every key of the deploy user that does not open the launcher is removed, so nobody could log in any more',
    );
  return name;
}

function deployKey(input: InputReader): string {
  const name = 'deploy-public-key';
  const allowed = 'one line of an OpenSSH public key, such as "ssh-ed25519 AAAA..."';
  const text = input.block(name).trim();
  if (text.includes('PRIVATE KEY')) {
    input.reject(name, 'a private key', `${allowed} (the file that ends in .pub)`);
    return '';
  }
  const [, type = '', blob = ''] = PUBLIC_KEY.exec(text) ?? [];
  // The type stands in the blob a second time; a key that was cut or mixed up does not agree with itself.
  const inner = Buffer.from(blob, 'base64');
  const agrees =
    inner.length > 4 + type.length &&
    inner.readUInt32BE(0) === type.length &&
    inner.toString('latin1', 4, 4 + type.length) === type;
  if (text !== '' && !agrees) input.reject(name, text.includes('\n') ? 'several lines' : 'something else', allowed);
  return `${type} ${blob}`;
}

function registry(input: InputReader, repository: string): Inputs['registry'] {
  const login = registryLogin(input);
  return login === null ? null : { host: repository.split('/')[0] ?? '', ...login };
}

function openPorts(input: InputReader): OpenPort[] {
  const name = 'open-ports';
  const text = input.text(name, { fallback: '' });
  const ports = parsePorts(text);
  if (ports === null) input.reject(name, JSON.stringify(text), 'ports such as 25/tcp, 53/udp, parted by commas');
  return ports ?? [];
}

function tls(input: InputReader): TlsPlan {
  if (input.choice('tls', ['acme', 'files'], 'acme') === 'acme') {
    return {
      mode: 'acme',
      email: input.text('acme-email', { pattern: EMAIL, allowed: 'an e-mail address, for tls: acme' }),
    };
  }
  const certificate = input.block('tls-certificate');
  const key = input.block('tls-key', { secret: true });
  if (certificate !== '' && key !== '') checkPair(input, certificate, key);
  return { mode: 'files', certificate: oneNewline(certificate), key: oneNewline(key) };
}

function checkPair(input: InputReader, certificate: string, key: string): void {
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(certificate);
  } catch {
    input.reject(
      'tls-certificate',
      'text that is no certificate',
      'PEM: the certificate first, then its intermediates',
    );
    return;
  }
  if (Date.parse(leaf.validTo) < Date.now())
    input.reject('tls-certificate', `a certificate that ended on ${leaf.validTo}`, 'a valid one');
  try {
    if (!leaf.checkPrivateKey(createPrivateKey(key)))
      input.reject('tls-key', 'the key of another certificate', 'the key that belongs to "tls-certificate"');
  } catch {
    input.reject('tls-key', 'text that is no private key', 'PEM, without a passphrase');
  }
}

function oneNewline(text: string): string {
  return `${text.replace(/\r\n/g, '\n').trim()}\n`;
}
