import { PORT_PATH } from './ssh-port.ts';
import { REVERT_PATHS } from './ssh-revert.ts';

/** What a host tells about itself before anything is changed. */
export interface Facts {
  user: string;
  uid: number;
  os: { id: string; version: string; name: string; codename: string };
  /** `uname -m`, such as x86_64. */
  machine: string;
  /** `systemd-detect-virt`: none, kvm, docker, lxc, ... */
  virtualization: string;
  /** A container shares the kernel of its machine: what is kernel-wide cannot be set there. */
  container: boolean;
  init: string;
  cpus: number;
  memoryKiB: number;
  freeDiskKiB: number;
  /** Server version of a running Docker, or ''. */
  dockerVersion: string;
  /** Installed packages that bring Docker or stand in for it; `snap:docker` for the snap. */
  dockerPackages: string[];
  /** Content of /etc/docker/daemon.json; null when there is none. */
  daemonJson: string | null;
  /** Every port that sshd listens on, and the one of this very connection. */
  sshPorts: number[];
  /** What sshd says against its own configuration; '' when it takes it. */
  sshError: string;
  /** systemd listens in sshd's place. */
  sshSocket: boolean;
  /** The port that an earlier run moved sshd to; null where it never did. */
  movedPort: number | null;
  /** A change of sshd by an earlier run was neither confirmed nor undone. */
  sshUnconfirmed: boolean;
  /** Who holds 80 and 443 already, except our own edge: `80 (nginx)`. */
  heldPorts: string[];
  /** AppArmor is on in the kernel, so that Docker needs its parser. */
  apparmor: boolean;
  /** The launcher is there: the host was prepared before. */
  prepared: boolean;
  /** Apps that the host was prepared for. */
  apps: string[];
  /** Address in the edge's ACME resolver; null where it has none. */
  acmeEmail: string | null;
}

/**
 * The script that gathers the facts in one go; it changes nothing. Each line of its output is `name=<base64>`.
 * Bare hosts may lack ss, python and jq, so it takes what /proc and the base system give.
 */
export const FACTS_SCRIPT = String.raw`set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
main() {
fact() { printf '%s=%s\n' "$1" "$(printf '%s' "$2" | base64 | tr -d '\n')"; }
fact user "$(id -un)"
fact uid "$(id -u)"
fact os_id "$(. /etc/os-release 2>/dev/null; printf '%s' "$ID")"
fact os_version "$(. /etc/os-release 2>/dev/null; printf '%s' "$VERSION_ID")"
fact os_name "$(. /etc/os-release 2>/dev/null; printf '%s' "$PRETTY_NAME")"
fact os_codename "$(. /etc/os-release 2>/dev/null; printf '%s' "\${VERSION_CODENAME:-}")"
fact machine "$(uname -m)"
fact virtualization "$(systemd-detect-virt 2>/dev/null)"
if systemd-detect-virt --quiet --container 2>/dev/null; then fact container 1; fi
fact init "$(cat /proc/1/comm)"
fact cpus "$(nproc)"
fact memory "$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)"
fact disk "$(df -Pk / | awk 'NR == 2 { print $4 }')"
fact docker "$(docker version --format '{{.Server.Version}}' 2>/dev/null)"
fact docker_packages "$(dpkg-query -W -f '\${db:Status-Status} \${Package}\n' docker.io docker-ce docker-engine moby-engine podman-docker 2>/dev/null | sed -n 's/^installed //p'; [ ! -d /snap/docker ] || echo snap:docker)"
if [ -e /etc/docker/daemon.json ]; then fact daemon_json "$(cat /etc/docker/daemon.json)"; fi
mkdir -p /run/sshd 2>/dev/null
if [ -x /usr/sbin/sshd ]; then
  sshd=$(/usr/sbin/sshd -T 2>&1) || fact ssh_error "$(printf '%s\n' "$sshd" | head -n 2)"
  fact ssh_ports "$(printf '%s\n' "$sshd" | sed -n 's/^port //p' | tr '\n' ' ')"
fi
if systemctl -q is-active ssh.socket 2>/dev/null; then
  fact ssh_socket "$(systemctl show --property Listen --value ssh.socket | sed -n 's/.*:\([0-9]*\) (Stream)$/\1/p' | tr '\n' ' ')"
fi
fact moved_port "$(sed -n 's/^Port //p' ${PORT_PATH} 2>/dev/null | tail -n 1)"
if [ -d ${REVERT_PATHS.state} ]; then fact ssh_unconfirmed 1; fi
fact ssh_connection "$DELIVERY_SSH"
if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then fact apparmor 1; fi
if [ -x /opt/edge/bin/release ]; then fact prepared 1; fi
fact apps "$(for file in /opt/*/.env; do if [ -f "$file" ]; then basename "$(dirname "$file")"; fi; done | grep -v -x edge | tr '\n' ' ')"
fact acme_email "$(sed -n "s/^      email: '\(.*\)'$/\1/p" /opt/edge/traefik.yaml 2>/dev/null)"
ours=$(docker ps --quiet --no-trunc --filter name='^/edge$' 2>/dev/null)
held=
for port in 80 443; do
  for id in $(docker ps --quiet --no-trunc --filter publish=$port 2>/dev/null); do
    [ "$id" = "$ours" ] || held="$held;$port ($(docker ps --filter id="$id" --format 'container {{.Names}}'))"
  done
  inodes=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v want="$(printf ':%04X' $port)" '$4 == "0A" && substr($2, length($2) - 4) == want { print $10 }')
  for inode in $inodes; do
    owner=unknown
    for process in /proc/[0-9]*; do
      if ls -l "$process/fd" 2>/dev/null | grep -q "socket:\[$inode\]"; then owner=$(cat "$process/comm" 2>/dev/null); break; fi
    done
    [ "$owner" = docker-proxy ] || held="$held;$port ($owner)"
  done
done
fact held "$held"
}
main </dev/null
`;

/** The command line that gives a script on stdin to root's shell; with sudo where the login is not root. Holds no input. */
export function shellAs(user: string): string {
  const shell = 'env DELIVERY_SSH="$SSH_CONNECTION" sh -s';
  return user === 'root' ? shell : `sudo -n ${shell}`;
}

/** Reads the output of FACTS_SCRIPT. Lines that are not facts (a banner, say) are skipped. */
export function parseFacts(lines: readonly string[]): Facts {
  const facts = new Map<string, string>();
  for (const line of lines) {
    const match = /^([a-z_]+)=([A-Za-z0-9+/=]*)$/.exec(line);
    if (match?.[1] !== undefined)
      facts.set(
        match[1],
        Buffer.from(match[2] ?? '', 'base64')
          .toString('utf8')
          .trim(),
      );
  }
  const text = (name: string): string => facts.get(name) ?? '';
  const count = (name: string): number => Number.parseInt(text(name), 10) || 0;
  // SSH_CONNECTION is: client address, client port, server address, server port.
  const listening = text('ssh_socket') || text('ssh_ports');
  const ports = [...listening.split(/\s+/), text('ssh_connection').split(' ')[3] ?? '']
    .map(Number)
    .filter((port) => port > 0 && port < 65536);
  return {
    user: text('user'),
    uid: facts.has('uid') ? count('uid') : -1,
    os: { id: text('os_id'), version: text('os_version'), name: text('os_name'), codename: text('os_codename') },
    machine: text('machine'),
    virtualization: text('virtualization') || 'none',
    container: facts.has('container'),
    init: text('init'),
    cpus: count('cpus'),
    memoryKiB: count('memory'),
    freeDiskKiB: count('disk'),
    dockerVersion: text('docker'),
    dockerPackages: text('docker_packages').split(/\s+/).filter(Boolean),
    daemonJson: facts.get('daemon_json') ?? null,
    sshPorts: [...new Set(ports)].sort((a, b) => a - b),
    sshError: text('ssh_error').split('\n').join(' / '),
    sshSocket: facts.has('ssh_socket'),
    movedPort: count('moved_port') || null,
    sshUnconfirmed: facts.has('ssh_unconfirmed'),
    heldPorts: [...new Set(text('held').split(';').filter(Boolean))],
    apparmor: facts.has('apparmor'),
    prepared: facts.has('prepared'),
    apps: text('apps')
      .split(' ')
      .filter((app) => app !== ''),
    acmeEmail: text('acme_email') || null,
  };
}

/** What speaks against preparing this host, one sentence each; empty when nothing does. */
export function refusals(facts: Facts, allowUnsupportedOs: boolean): string[] {
  const found: string[] = [];
  if (facts.uid !== 0)
    found.push(
      `the login is not root and "sudo -n" gave no root shell (uid ${facts.uid}): log in as root or as a user with NOPASSWD sudo`,
    );
  if (facts.init !== 'systemd') found.push(`process 1 is "${facts.init}": systemd is needed`);
  const supported = SUPPORTED.some(({ id, version }) => facts.os.id === id && facts.os.version === version);
  if (!supported && !allowUnsupportedOs) {
    const names = SUPPORTED.map(({ name }) => name).join(', ');
    found.push(
      `the system is "${facts.os.name || 'unknown'}"; supported are ${names} (the input allow-unsupported-os overrides this for systems with apt)`,
    );
  }
  if (facts.heldPorts.length > 0) {
    found.push(
      `ports that the edge needs are held already: ${facts.heldPorts.join(', ')}. Stop what holds them, or give this app a server of its own`,
    );
  }
  if (facts.sshError !== '')
    found.push(
      `sshd does not take its own configuration, so its next start would lock everybody out: ${facts.sshError}. Repair it first; "sshd -t" shows it`,
    );
  if (facts.sshPorts.length === 0)
    found.push('the port of the SSH server could not be found out, so the firewall would lock everybody out');
  return found;
}

/** What the tests were made for; Debian 12's own Docker is too old, so that there Docker's own packages are asked for. */
const SUPPORTED = [
  { id: 'debian', version: '12', name: 'Debian 12' },
  { id: 'debian', version: '13', name: 'Debian 13' },
  { id: 'ubuntu', version: '24.04', name: 'Ubuntu 24.04' },
  { id: 'ubuntu', version: '26.04', name: 'Ubuntu 26.04' },
];

/** What the operator should know but nothing that stops the run. */
export function warnings(facts: Facts): string[] {
  const found: string[] = [];
  if (facts.cpus < 2) found.push(`${facts.cpus} CPU: 2 are recommended`);
  if (facts.memoryKiB > 0 && facts.memoryKiB < 1_800_000)
    found.push(
      `${Math.round(facts.memoryKiB / 1024)} MiB of memory: 2 GB are recommended, since two colours run at once during a switch`,
    );
  if (facts.freeDiskKiB > 0 && facts.freeDiskKiB < 10 * 1024 * 1024)
    found.push(`${Math.round(facts.freeDiskKiB / 1024 / 1024)} GiB of free disk: 10 GiB are recommended`);
  return found;
}
