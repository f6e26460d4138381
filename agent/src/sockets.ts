import { readFileSync } from 'node:fs';

const ESTABLISHED = '01';

/** Address of the kernel's hex form (/proc/net/tcp, tcp6; little-endian words) as text; IPv4-mapped IPv6 comes out as IPv4. */
export function decodeAddress(hex: string): string {
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8) {
    for (let byte = 6; byte >= 0; byte -= 2) bytes.push(Number.parseInt(hex.slice(word + byte, word + byte + 2), 16));
  }
  if (bytes.length === 4) return bytes.join('.');
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return bytes.slice(12).join('.');
  const groups: string[] = [];
  for (let index = 0; index < 16; index += 2)
    groups.push((((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0)).toString(16));
  return groups.join(':');
}

/** An IPv6 address as `decodeAddress` writes it: eight groups, no leading zeros, nothing left out. */
export function expandAddress(address: string): string {
  const [head = '', tail] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const middle = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  return [...left, ...middle, ...right].map((group) => Number.parseInt(group, 16).toString(16)).join(':');
}

/** How many established connections in a /proc/net/tcp{,6} text go to one of the addresses `remote`, on any port. */
export function countEstablished(table: string, remote: ReadonlySet<string>): number {
  let count = 0;
  for (const line of table.split('\n').slice(1)) {
    const [, , peer, state] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED || peer === undefined) continue;
    const [address] = peer.split(':');
    if (address !== undefined && remote.has(decodeAddress(address))) count += 1;
  }
  return count;
}

/** The same over both tables of this process's network namespace, which is the edge's. */
export function establishedTo(remote: ReadonlySet<string>): number {
  return ['/proc/self/net/tcp', '/proc/self/net/tcp6'].reduce((sum, path) => {
    try {
      return sum + countEstablished(readFileSync(path, 'utf8'), remote);
    } catch {
      return sum; // no IPv6 in this kernel
    }
  }, 0);
}
