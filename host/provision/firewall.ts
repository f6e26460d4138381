import type { Task } from './task.ts';

/** Nothing but SSH and the edge from outside. */
export function firewallTask(sshPorts: readonly number[]): Task {
  const ports = [...new Set([...sshPorts, 80, 443])];
  return {
    id: 'firewall',
    reason: 'Only SSH and the edge are reachable; SSH is let in before the firewall is switched on',
    source: 'CIS Debian 12 4.2; ufw(8)',
    check: `systemctl -q is-enabled ufw || return 1
ufw status verbose >"$work/ufw" || return 1
grep -q '^Status: active' "$work/ufw" && grep -q '^Default: deny (incoming), allow (outgoing)' "$work/ufw" || return 1
for port in ${ports.join(' ')}; do
  grep -Eq "^$port/tcp +(ALLOW|LIMIT) IN +Anywhere *$" "$work/ufw" || { echo "port $port is not let in"; return 1; }
done`,
    apply: `for port in ${ports.join(' ')}; do ufw allow "$port/tcp"; done
grep -q '^DEFAULT_INPUT_POLICY="DROP"' /etc/default/ufw || ufw default deny incoming
grep -q '^DEFAULT_OUTPUT_POLICY="ACCEPT"' /etc/default/ufw || ufw default allow outgoing
ufw --force enable
systemctl -q enable ufw`,
  };
}
