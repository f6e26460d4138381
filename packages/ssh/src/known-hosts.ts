import { createHmac, timingSafeEqual } from 'node:crypto';
import { SshError } from './errors.ts';
import { fingerprint, keyType } from './fingerprint.ts';

/** What the server's key is compared with. */
export interface Pins {
  /** Fingerprints that are trusted for the host. */
  trusted: ReadonlySet<string>;
  /** Fingerprints that are refused whatever else is said (`@revoked`). */
  revoked: ReadonlySet<string>;
  /** Key types of the pins; null when only fingerprints were given, which do not tell their type. */
  types: readonly string[] | null;
}

/** Key type -> the algorithms that a handshake may negotiate for it. SHA-1 signatures (plain `ssh-rsa`) are never accepted. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

export const KEY_TYPES: readonly string[] = Object.keys(ALGORITHMS);

/** Algorithm names for `algorithms.serverHostKey`, in order of preference. */
export function hostKeyAlgorithms(types: readonly string[]): string[] {
  return KEY_TYPES.filter((type) => types.includes(type)).flatMap((type) => ALGORITHMS[type] ?? []);
}

/** How OpenSSH writes a host in known_hosts: the port only when it is not 22. */
export function hostLabel(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

/** Host and port for people; an IPv6 address in brackets, so that the port can be told from it. */
export function endpoint(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const FINGERPRINT = /^(?:\d+\s+)?(SHA256:[A-Za-z0-9+/]{43})=?(?:\s.*)?$/;

/**
 * Reads the `known-hosts` text: lines of a known_hosts file (plain, hashed, with port, wildcards, `@revoked`), bare public keys, or
 * fingerprints as `ssh-keygen -lf` prints them. As with OpenSSH, a line without a port also serves another port when no line names that port.
 * @throws SshError of kind `input` naming the line's number and what is wrong with it
 */
export function readPins(text: string, host: string, port: number): Pins {
  const lines = text
    .split(/\r\n|\n|\r/)
    .map((line, index) => ({ text: line.replace(/^\uFEFF/, '').trim(), number: index + 1 }));
  const entries = lines.filter((line) => line.text !== '' && !line.text.startsWith('#'));
  if (entries.length === 0) {
    throw new SshError('input', `known-hosts is empty. To obtain it: ${howToGet(host, port)}`);
  }
  const fingerprints = new Set<string>();
  const revoked = new Set<string>();
  const exact: Buffer[] = [];
  const withoutPort: Buffer[] = [];
  const others: string[] = [];
  for (const { text: line, number } of entries) {
    const print = FINGERPRINT.exec(line)?.[1];
    if (print) {
      fingerprints.add(print);
      continue;
    }
    const entry = readLine(line, number);
    const exactMatch = entry.hosts === null || matches(entry.hosts, hostLabel(host, port));
    const plainMatch = entry.hosts !== null && port !== 22 && matches(entry.hosts, host);
    if (entry.revoked) {
      if (exactMatch || plainMatch) revoked.add(fingerprint(entry.key));
    } else if (exactMatch) exact.push(entry.key);
    else if (plainMatch) withoutPort.push(entry.key);
    else others.push(entry.hosts?.startsWith('|1|') ? 'a hashed name' : (entry.hosts ?? ''));
  }
  const keys = exact.length > 0 ? exact : withoutPort;
  if (keys.length === 0 && fingerprints.size === 0) {
    const names = [...new Set(others)].slice(0, 5).join(', ') || 'only revoked keys';
    throw new SshError(
      'input',
      `known-hosts has no line for ${hostLabel(host, port)} (found: ${names}). To obtain it: ${howToGet(host, port)}`,
    );
  }
  const types = [...new Set(keys.map((key) => keyType(key) ?? ''))];
  if (fingerprints.size === 0 && hostKeyAlgorithms(types).length === 0) {
    throw new SshError(
      'input',
      `known-hosts pins only key types that are not supported (${types.join(', ')}). Allowed: ${KEY_TYPES.join(', ')}`,
    );
  }
  return {
    trusted: new Set([...fingerprints, ...keys.map((key) => fingerprint(key))]),
    revoked,
    types: fingerprints.size > 0 ? null : types,
  };
}

/** How to obtain the right value from the server itself, where nobody in between can lie. */
export function howToGet(host: string, port: number): string {
  return (
    `on the server's own console (the provider's control panel has one: "KVM"), print its fingerprint with "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" and store it. ` +
    `What ssh-keyscan shows is no proof, since whoever is in between answers it too: compare "ssh-keyscan -p ${port} ${host} | ssh-keygen -lf -" with the console before its lines are stored`
  );
}

function readLine(line: string, number: number): { hosts: string | null; key: Buffer; revoked: boolean } {
  const fields = line.split(/\s+/);
  const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
  if (marker && marker !== '@revoked') {
    throw new SshError(
      'input',
      `known-hosts line ${number}: ${marker === '@cert-authority' ? 'host certificates (@cert-authority) are not supported; pin a host key' : 'unknown marker'}`,
    );
  }
  // A line of /etc/ssh/ssh_host_*_key.pub has no host field: it is meant for this host.
  const bare = KEY_TYPES.includes(fields[0] ?? '') || fields[0] === 'ssh-dss';
  const hosts = bare ? null : (fields.shift() ?? '');
  const [type = '', base64 = ''] = fields;
  const key = Buffer.from(base64, 'base64');
  if (type === '' || base64 === '' || keyType(key) !== type) {
    throw new SshError(
      'input',
      `known-hosts line ${number} is neither "host type key" nor "SHA256:..." (43 characters of base64)${base64 !== '' && type !== '' ? ': the key is cut short or does not fit its type' : ''}`,
    );
  }
  return { hosts, key, revoked: marker === '@revoked' };
}

/** Host field of a line against a label: hashed, or comma-separated patterns with `*`, `?` and `!`. */
function matches(field: string, label: string): boolean {
  if (field.startsWith('|1|')) {
    const [, , salt = '', hash = ''] = field.split('|');
    const wanted = Buffer.from(hash, 'base64');
    const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(label).digest();
    return wanted.length === actual.length && timingSafeEqual(wanted, actual);
  }
  let found = false;
  for (const pattern of field.split(',')) {
    const negated = pattern.startsWith('!');
    if (!glob(negated ? pattern.slice(1) : pattern, label)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

function glob(pattern: string, label: string): boolean {
  const source = pattern
    .toLowerCase()
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${source}$`).test(label.toLowerCase());
}
