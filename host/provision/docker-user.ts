import type { Reading } from './audit.ts';
import { publishedPorts, type OpenPort } from './ports.ts';
import { sha256 } from './shell.ts';
import { placed, type Task } from './task.ts';

/** A chain of its own: what others have put into DOCKER-USER stays as it is. */
const CHAIN = 'DELIVERY-PUBLISHED';
const SCRIPT_PATH = '/opt/edge/bin/docker-user';
const UNIT = 'delivery-docker-user.service';
const UNIT_PATH = `/etc/systemd/system/${UNIT}`;
/** Interfaces of Docker's bridges: docker0, docker_gwbridge, and one `br-<id>` for each network. */
const BRIDGES = ['docker+', 'br-+'];

/**
 * The rules, as iptables prints them. A published port is recognised by the port that the client asked for, before Docker rewrote it, so
 * they name no interface of the host's. `--ctstate DNAT` keeps a neighbour on the same network segment from asking a container directly.
 */
export function publishedRules(openPorts: readonly OpenPort[] = []): string[] {
  const rules = [
    '-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN',
    ...BRIDGES.map((bridge) => `-i ${bridge} -j RETURN`),
    ...publishedPorts(openPorts).map(
      ({ port, protocol }) => `-p ${protocol} -m conntrack --ctstate DNAT --ctorigdstport ${port} -j RETURN`,
    ),
    ...BRIDGES.map((bridge) => `-o ${bridge} -j DROP`),
  ];
  return rules.map((rule) => `-A ${CHAIN} ${rule}`);
}

/**
 * Where the chain is called from. DOCKER-USER is Docker's own place for such rules, but Docker does not always ask it first: version 26 puts
 * its rules for IPv6 before it, others forget it (moby/moby#48560, #47622). The table mangle is asked before any rule of Docker's.
 */
const CALLS = [
  { table: 'mangle', call: `-A FORWARD -j ${CHAIN}` },
  { table: 'filter', call: `-A DOCKER-USER -j ${CHAIN}` },
  { table: 'filter', call: '-A FORWARD -j DOCKER-USER' },
] as const;

/** The program that loads the rules; with the argument `check` it says whether they are loaded and changes nothing. */
export function dockerUserScript(openPorts: readonly OpenPort[] = []): string {
  return `#!/bin/sh
# Managed by provision-vps. What containers publish does not bypass the firewall; the edge's ports and those named in open-ports are let by.
set -u
rules='${publishedRules(openPorts).join('\n')}'
shown() { "$family" -w -t "$1" -S; }

# called TABLE RULE: is the chain called, and before anything that ends the look at its caller?
called() {
  shown "$1" | sed -n "/^\${2% -j *} /p" | sed '/^-A [A-Z-]* -j ACCEPT$/q;/^-A [A-Z-]* -j RETURN$/q' | grep -q -x -F -e "$2"
}

loaded() {
  for table in mangle filter; do
    [ "$(shown "$table" | sed -n '/^-A ${CHAIN} /p')" = "$rules" ] || { echo "$family: the rules of ${CHAIN} are not loaded in table $table"; return 1; }
  done
${CALLS.map(({ table, call }) => `  called ${table} '${call}' || { echo "$family: table ${table} is without ${call}"; return 1; }`).join('\n')}
}

# From the inside out: each step leads to what is whole already. The rules themselves are replaced at one stroke.
load() {
  for table in mangle filter; do printf '*%s\\n:${CHAIN} - [0:0]\\n%s\\nCOMMIT\\n' "$table" "$rules"; done | "$family-restore" -w --noflush || return 1
  shown filter | grep -q -x -e '-N DOCKER-USER' || "$family" -w -t filter -N DOCKER-USER || return 1
${CALLS.map(({ table, call }) => `  called ${table} '${call}' || "$family" -w -t ${table} ${call.replace('-A', '-I')} || return 1`).join('\n')}
}

code=0
for family in iptables ip6tables; do
  # A kernel without IPv6 has no tables for it, and nobody comes in by it.
  if [ "$family" = ip6tables ] && [ ! -e /proc/net/if_inet6 ]; then continue; fi
  if [ "\${1-}" = check ]; then loaded || code=1; else load || code=1; fi
done
exit "$code"
`;
}

/** Not `RemainAfterExit`: each start of Docker loads the rules anew. Docker starts without them rather than not at all, the audit finds it. */
const unit = `# Managed by provision-vps.
[Unit]
Description=Keeps published container ports behind the firewall
After=ufw.service
Before=docker.service

[Service]
Type=oneshot
ExecStart=${SCRIPT_PATH}

[Install]
WantedBy=docker.service
`;

/** Published ports of containers stay closed, also while the host boots. */
export function dockerUserTask(openPorts: readonly OpenPort[] = []): Task {
  const script = dockerUserScript(openPorts);
  return {
    id: 'docker_user',
    reason:
      'Docker lets published ports in before UFW is asked: a database that a container publishes would be open to the world, on IPv6 too',
    source: 'docs.docker.com/engine/network/packet-filtering-firewalls, DOCKER-USER',
    show: `iptables -t mangle -S ${CHAIN}; ip6tables -t mangle -S ${CHAIN}`,
    check: `same ${SCRIPT_PATH} ${sha256(script)} 755 root:root || return 1
same ${UNIT_PATH} ${sha256(unit)} 644 root:root || return 1
systemctl -q is-enabled ${UNIT} || { echo '${UNIT} is not enabled'; return 1; }
${SCRIPT_PATH} check`,
    apply: `directory /opt/edge 755 root:root
directory /opt/edge/bin 755 root:root
${placed(SCRIPT_PATH, '755', 'root:root', script)}
${placed(UNIT_PATH, '644', 'root:root', unit)}
systemctl daemon-reload
systemctl -q enable ${UNIT}
systemctl restart ${UNIT} || { ${SCRIPT_PATH}; return 1; }`,
  };
}

/** The rules as the kernel has them. */
export function dockerUserReadings(openPorts: readonly OpenPort[] = []): Reading[] {
  const what = 'DOCKER-USER';
  return [
    {
      id: 'docker_user',
      what,
      shell: `for family in iptables ip6tables; do
  if [ "$family" = ip6tables ] && [ ! -e /proc/net/if_inet6 ]; then continue; fi
  for table in mangle filter; do
    "$family" -w -t "$table" -S | grep -e '^-A DOCKER-USER ' -e '^-A FORWARD -j ' -e '^-A ${CHAIN} ' | sed "s/^/$family $table /"
  done
done
[ -e /proc/net/if_inet6 ] || echo 'no IPv6'`,
      judge: (value) => {
        const lines = value.split('\n').map((line) => line.trim());
        const wanted = [
          ...CALLS.map(({ table, call }) => `${table} ${call}`),
          ...['mangle', 'filter'].flatMap((table) => publishedRules(openPorts).map((rule) => `${table} ${rule}`)),
        ];
        const families = ['iptables', ...(lines.includes('no IPv6') ? [] : ['ip6tables'])];
        return families.flatMap((family) => {
          const missing = wanted.filter((rule) => !lines.includes(`${family} ${rule}`));
          if (missing.length === 0) return [];
          return [
            {
              what: `${what} (${family})`,
              found: `without ${missing.join('; ')}`,
              allowed: `all of its rules; to repair: sudo systemctl restart ${UNIT}`,
            },
          ];
        });
      },
    },
  ];
}
