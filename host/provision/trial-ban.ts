import type { Finding } from './finding.ts';

/** Addresses that documentation uses (RFC 5737, RFC 3849): nobody has them. */
const TRIALS = [
  { tables: 'iptables', address: '192.0.2.77', net: '192.0.2.77/32' },
  { tables: 'ip6tables', address: '2001:db8::77', net: '2001:db8::77/128' },
] as const;

/**
 * Shell functions for the end of a run.
 * - `trial`: bans an address of nobody's, tells the firewall's rules as `banned_<tables>`, lifts the ban, tells them as `lifted_<tables>`
 * - `tidy`: lifts it also where a run is interrupted
 */
export const TRIAL_FUNCTIONS = `guard() { fail2ban-client "$@" 2>/dev/null; }
ban_rules() { "$1" -w -S 2>/dev/null | grep -F -e "-s $2 " -e '-j f2b-sshd'; }
trial() {
  for each in ${TRIALS.map(({ tables, address, net }) => `${tables},${address},${net}`).join(' ')}; do
    tables=\${each%%,*} net=\${each##*,} address=\${each#*,}
    address=\${address%,*}
    if [ "$tables" = ip6tables ] && [ ! -e /proc/net/if_inet6 ]; then continue; fi
    guard set sshd banip "$address" >/dev/null
    tries=25
    until ban_rules "$tables" "$net" | grep -q -F -e "-s $net " || [ "$tries" -eq 0 ]; do
      tries=$(( tries - 1 ))
      sleep 0.2
    done
    tell "banned_$tables" "$(ban_rules "$tables" "$net")"
    guard set sshd unbanip "$address" >/dev/null
    tries=25
    while ban_rules "$tables" "$net" | grep -q -F -e "-s $net " && [ "$tries" -gt 0 ]; do
      tries=$(( tries - 1 ))
      sleep 0.2
    done
    tell "lifted_$tables" "$(ban_rules "$tables" "$net" | grep -F -e "-s $net ")"
  done
}
tidy() { guard set sshd unbanip ${TRIALS.map(({ address }) => address).join(' ')} >/dev/null; }`;

/** What speaks against the guard: a ban that the firewall does not know of, that leaves an SSH port out, or that cannot be lifted. */
export function judgeTrial(told: ReadonlyMap<string, string>, sshPorts: readonly number[]): Finding[] {
  const findings: Finding[] = [];
  for (const { tables, address, net } of TRIALS) {
    const banned = told.get(`banned_${tables}`);
    if (banned === undefined) {
      // The host leaves IPv6 out where it has none; IPv4 it always tries.
      if (tables === 'iptables')
        findings.push({ what: 'trial ban', found: 'no answer', allowed: 'a ban that the firewall shows' });
      continue;
    }
    const lines = banned.split('\n');
    const what = `trial ban of ${address}`;
    if (!lines.some((line) => line.includes(` -s ${net} `) && / -j (REJECT|DROP)/.test(line)))
      findings.push({ what, found: 'no rule of the firewall', allowed: `a rule of ${tables} that refuses ${net}` });
    const guarded = lines
      .filter((line) => line.endsWith(' -j f2b-sshd'))
      .flatMap((line) => (/ --dports? ([0-9,]+) /.exec(line)?.[1] ?? '').split(',').map(Number));
    const open = sshPorts.filter((port) => !guarded.includes(port));
    if (open.length > 0)
      findings.push({
        what,
        found: `no ban on port ${open.join(', ')}`,
        allowed: 'a ban on every port of the SSH server',
      });
    if ((told.get(`lifted_${tables}`) ?? '') !== '')
      findings.push({ what, found: 'still in force after it was lifted', allowed: `no rule of ${tables} for ${net}` });
  }
  return findings;
}

/** The trial in one line, for people. */
export function trialSummary(told: ReadonlyMap<string, string>): string {
  return TRIALS.filter(({ tables }) => told.has(`banned_${tables}`))
    .map(
      ({ tables, address }) =>
        `${address}: ${(told.get(`banned_${tables}`) ?? '').includes(' -s ') ? 'banned' : 'not banned'}`,
    )
    .join('\n');
}
