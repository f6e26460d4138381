import type { Reading } from './audit.ts';
import type { Finding } from './finding.ts';
import type { Task } from './task.ts';

/** Nothing but SSH and the edge from outside. */
export function firewallTask(sshPorts: readonly number[]): Task {
  const ports = [...new Set([...sshPorts, 80, 443])];
  return {
    id: 'firewall',
    reason: 'Only SSH and the edge are reachable; SSH is let in before the firewall is switched on',
    source: 'CIS Debian 12 4.2; ufw(8)',
    show: 'ufw status verbose',
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

/** What UFW enforces, on IPv6 too where the host has it. */
export function firewallReadings(sshPorts: readonly number[]): Reading[] {
  const what = 'firewall';
  return [
    {
      id: 'firewall',
      what,
      shell: `[ ! -s /proc/net/if_inet6 ] || echo 'IPv6: on'
ufw status verbose | tr -s ' '`,
      judge: (value) => {
        const lines = value.split('\n').map((line) => line.trim());
        const findings: Finding[] = [];
        if (!lines.includes('Status: active'))
          return [
            { what, found: lines.find((line) => line.startsWith('Status')) ?? 'no status', allowed: 'Status: active' },
          ];
        const policy = lines.find((line) => line.startsWith('Default:')) ?? 'no default';
        if (!policy.startsWith('Default: deny (incoming), allow (outgoing)'))
          findings.push({ what: `${what} policy`, found: policy, allowed: 'deny (incoming), allow (outgoing)' });
        const families = lines.includes('IPv6: on') ? ['', ' (v6)'] : [''];
        for (const port of new Set([...sshPorts, 80, 443]))
          for (const family of families) {
            const rule = new RegExp(`^${port}/tcp${family.replace(/[()]/g, '\\$&')} (ALLOW|LIMIT) IN Anywhere`);
            if (!lines.some((line) => rule.test(line)))
              findings.push({
                what: `${what} port ${port}${family}`,
                found: 'not let in',
                allowed: 'let in from anywhere',
              });
          }
        return findings;
      },
    },
  ];
}
