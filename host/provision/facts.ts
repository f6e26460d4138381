import { PACKAGE_STATES } from './apt.ts';
import { parsePublishers, type Publisher } from './ports.ts';
import { PORT_PATH } from './ssh-port.ts';
import { REVERT_PATHS } from './ssh-revert.ts';
import { readTold } from './told.ts';

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
  /** What there is: the machine's memory, or the limit of the control group that the host is in. */
  memoryKiB: number;
  /** Size of the file system of `/`, and what is free of it. */
  diskKiB: number;
  freeDiskKiB: number;
  /** Server version of a running Docker, or ''. */
  dockerVersion: string;
  /** Installed packages that bring Docker or stand in for it; `snap:docker` for the snap. */
  dockerPackages: string[];
  /** Version of the compose plugin, or ''. */
  composeVersion: string;
  curl: boolean;
  /** Seconds since 1970 by the host's clock. */
  clock: number;
  /** What systemd says of the clock: yes, no, or '' where it does not know. */
  synchronized: string;
  /** The host's own addresses; not those of its containers' networks. */
  addresses: string[];
  /** Who runs the machine, by its firmware (DMI): `ovhcloud`, another vendor's name, or '' where it does not say. */
  provider: string;
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
  /** Containers that publish ports beyond loopback. */
  publishers: Publisher[];
  /** AppArmor is on in the kernel, so that Docker needs its parser. */
  apparmor: boolean;
  /** The launcher is there: the host was prepared before. */
  prepared: boolean;
  /** The agent that the launcher starts, by digest; '' where there is none. */
  agentImage: string;
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
fact os_codename "$(. /etc/os-release 2>/dev/null; printf '%s' "$VERSION_CODENAME")"
fact machine "$(uname -m)"
fact virtualization "$(systemd-detect-virt 2>/dev/null)"
if systemd-detect-virt --quiet --container 2>/dev/null; then fact container 1; fi
fact init "$(cat /proc/1/comm)"
fact cpus "$(nproc)"
fact memory "$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)"
fact memory_limit "$(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null | head -n 1)"
fact disk "$(df -Pk / | awk 'NR == 2 { print $2, $4 }')"
# One call: the client asks its plugins for their versions along the way.
fact docker "$(docker info --format 'server={{.ServerVersion}} compose={{range .ClientInfo.Plugins}}{{if eq .Name "compose"}}{{.Version}}{{end}}{{end}}' 2>/dev/null)"
if command -v curl >/dev/null; then fact curl 1; fi
fact clock "$(date +%s)"
if [ -e /run/systemd/timesync/synchronized ]; then fact synchronized yes; else fact synchronized "$(timedatectl show --property NTPSynchronized --value 2>/dev/null)"; fi
fact addresses "$(ip -o addr show scope global 2>/dev/null | awk '$2 !~ /^(docker|br-|veth)/ { sub("/.*", "", $4); print $4 }' | tr '\n' ' ')"
fact vendor "$(cat /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name /sys/class/dmi/id/chassis_vendor /sys/class/dmi/id/board_vendor 2>/dev/null)"
fact docker_packages "$(${PACKAGE_STATES} docker.io docker-ce docker-engine moby-engine podman-docker 2>/dev/null | sed -n 's/^installed //p'; [ ! -d /snap/docker ] || echo snap:docker)"
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
fact agent "$(cat /opt/edge/agent 2>/dev/null)"
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
fact publishers "$(docker ps --format '{{.Names}} {{.Ports}}' 2>/dev/null)"
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
  const facts = readTold(lines);
  const text = (name: string): string => facts.get(name) ?? '';
  const numbers = (name: string): number[] => text(name).split(/\s+/).map(Number);
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
    memoryKiB: Math.min(count('memory'), (count('memory_limit') || Infinity) / 1024),
    diskKiB: numbers('disk')[0] ?? 0,
    freeDiskKiB: numbers('disk')[1] ?? 0,
    dockerVersion: /server=(\S*)/.exec(text('docker'))?.[1] ?? '',
    composeVersion: /compose=(\S*)/.exec(text('docker'))?.[1] ?? '',
    curl: facts.has('curl'),
    clock: count('clock'),
    synchronized: text('synchronized'),
    addresses: text('addresses').split(/\s+/).filter(Boolean),
    provider: provider(text('vendor')),
    dockerPackages: text('docker_packages').split(/\s+/).filter(Boolean),
    daemonJson: facts.get('daemon_json') ?? null,
    sshPorts: [...new Set(ports)].sort((a, b) => a - b),
    sshError: text('ssh_error').split('\n').join(' / '),
    sshSocket: facts.has('ssh_socket'),
    movedPort: count('moved_port') || null,
    sshUnconfirmed: facts.has('ssh_unconfirmed'),
    heldPorts: [...new Set(text('held').split(';').filter(Boolean))],
    publishers: parsePublishers(text('publishers')),
    apparmor: facts.has('apparmor'),
    prepared: facts.has('prepared'),
    agentImage: /^\S+@sha256:[0-9a-f]{64}$/.exec(text('agent'))?.[0] ?? '',
    apps: text('apps')
      .split(' ')
      .filter((app) => app !== ''),
    acmeEmail: text('acme_email') || null,
  };
}

/** OVHcloud names itself in one field or another, by the age of the machine. */
function provider(vendors: string): string {
  if (/\bovh/i.test(vendors)) return 'ovhcloud';
  return vendors.split('\n')[0]?.trim() ?? '';
}
