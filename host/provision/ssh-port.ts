import { sha256 } from './shell.ts';
import { placed } from './task.ts';

/** The ports that sshd listens on, apart from its other settings: only where a port was asked for. */
export const PORT_PATH = '/etc/ssh/sshd_config.d/00-delivery-port.conf';
/** The last name wins among a socket's drop-ins; its first line takes back what all others say. */
export const SOCKET_PATH = '/etc/systemd/system/ssh.socket.d/zz-delivery.conf';

/** A line of another file that names a port: sshd adds all of them up. */
const OTHER_PORT = '^[[:space:]]*[Pp][Oo][Rr][Tt][[:space:]=]';
const others = `grep -lE '${OTHER_PORT}' /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf 2>/dev/null | grep -v -x ${PORT_PATH}`;

/** Shell words for the files that a change of the port touches. */
export const PORT_FILES = `${PORT_PATH} ${SOCKET_PATH} $(${others})`;

export function portDropIn(ports: readonly number[]): string {
  return ['# Managed by provision-vps.', ...ports.map((port) => `Port ${port}`), ''].join('\n');
}

/** A port without an address is IPv6 and IPv4 at once, and IPv4 alone on a host without IPv6. */
export function socketDropIn(ports: readonly number[]): string {
  return [
    '# Managed by provision-vps.',
    '[Socket]',
    'ListenStream=',
    'BindIPv6Only=both',
    ...ports.map((port) => `ListenStream=${port}`),
    '',
  ].join('\n');
}

/** Shell for a check: sshd, and systemd where it listens in its place, have these ports and no other. `$work/sshd` holds what `sshd -T` says. */
export function checkPorts(ports: readonly number[], socket: boolean): string {
  const sorted = [...ports].sort((a, b) => a - b);
  return `same ${PORT_PATH} ${sha256(portDropIn(ports))} 644 root:root || { echo 'another port was asked for'; return 1; }
found=$(sed -n 's/^port //p' "$work/sshd" | sort -nu | tr '\\n' ' ')
[ "$found" = '${sorted.map((port) => `${port} `).join('')}' ] || { echo "sshd's ports are $found"; return 1; }
${
  socket
    ? `same ${SOCKET_PATH} ${sha256(socketDropIn(ports))} 644 root:root || return 1`
    : `for port in ${sorted.join(' ')}; do
  grep -q "^listenaddress .*:$port\\$" "$work/sshd" || { echo "ListenAddress in another file of sshd's configuration keeps it from port $port"; return 1; }
done`
}
for port in ${sorted.join(' ')}; do
  listens "$port" || { echo "nothing listens on port $port"; return 1; }
done`;
}

/** Shell function for checks and changes of ports. */
export const LISTENS = String.raw`listens() { cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v want="$(printf ':%04X' "$1")" '$4 == "0A" && substr($2, length($2) - 4) == want { found = 1 } END { exit !found }'; }`;

/** Shell that writes these ports where sshd and systemd look for them. */
export function writePorts(ports: readonly number[], socket: boolean): string {
  return `for file in $(${others}); do sed -i -E 's/${OTHER_PORT}/#&/' "$file"; done
${placed(PORT_PATH, '644', 'root:root', portDropIn(ports))}${
    socket
      ? `mkdir -p /etc/systemd/system/ssh.socket.d
${placed(SOCKET_PATH, '644', 'root:root', socketDropIn(ports))}`
      : ''
  }`;
}
