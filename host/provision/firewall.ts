import type { Reading } from './audit.ts';
import type { Finding } from './finding.ts';
import { portName, reachablePorts, type OpenPort } from './ports.ts';
import { quote } from './shell.ts';
import type { Task } from './task.ts';

/** UFW keeps a comment with each rule, as hex: by it we know our own. */
const COMMENT = 'delivery';
const COMMENT_HEX = Buffer.from(COMMENT).toString('hex');

/**
 * Reads UFW's own files, since `ufw status` takes half a second. Each line is one of
 * - `port 22/tcp allow limit`: what the first rule for anybody does with a port, on IPv4 and on IPv6; `none` without one
 * - `old 2222/tcp`: let in by us earlier, and not asked for any more
 * - `other allow 8080/tcp from 0.0.0.0/0`: somebody else's
 * The fields of a tuple are action, protocol, port, to, source port, from, perhaps two names of app profiles, direction.
 */
export const firewallRules = String.raw`BEGIN { n = split(ports, wanted, " ") }
$1 == "###" && $2 == "tuple" {
  ours = sub(/ comment=${COMMENT_HEX}$/, "")
  sub(/ comment=.*/, "")
  if ($4 ~ /:/ || $NF !~ /^in/) next
  split($4, action, "_")
  anybody = $NF == "in" && $7 ~ /^(0\.0\.0\.0|::)\/0$/ && $8 == "any" && $9 ~ /^(0\.0\.0\.0|::)\/0$/
  asked = 0
  for (i = 1; i <= n; i++) {
    split(wanted[i], want, "/")
    if ($5 != "any" && $5 != want[2]) continue
    parts = split($6, list, ",")
    for (j = 1; j <= parts; j++) {
      ends = split(list[j], range, ":")
      if (list[j] != "any" && (want[1] + 0 < range[1] + 0 || want[1] + 0 > range[ends] + 0)) continue
      if (anybody && parts == 1 && ends == 1 && list[j] != "any") asked = 1
      if (anybody && first[FILENAME, wanted[i]] == "") first[FILENAME, wanted[i]] = action[1]
    }
  }
  if (asked) next
  if (ours) print "old " $6 "/" $5
  else if (action[1] == "allow" || action[1] == "limit") print "other " action[1] " " $6 "/" $5 " from " $9
}
END {
  for (i = 1; i <= n; i++) {
    v4 = first[ARGV[1], wanted[i]]
    v6 = first[ARGV[2], wanted[i]]
    print "port " wanted[i] " " (v4 == "" ? "none" : v4) " " (v6 == "" ? "none" : v6)
  }
}`;

/** Functions that check and apply share. */
function shared(ports: readonly OpenPort[]): string {
  return `rules() { awk -v ports=${quote(ports.map(portName).join(' '))} ${quote(firewallRules)} /etc/ufw/user.rules /etc/ufw/user6.rules; }
has_v6() { [ -e /proc/net/if_inet6 ]; }
# enforced TABLES PREFIX FILE: is what UFW's files say what the kernel goes by?
enforced() {
  "$1" -w -S >"$work/filter" || return 1
  for line in '-P INPUT DROP' '-P OUTPUT ACCEPT' "-A INPUT -j $2-before-input" "-A $2-before-input -j $2-user-input"; do
    grep -q -x -F -e "$line" "$work/filter" || { echo "$1: without \\"$line\\""; return 1; }
  done
  [ "$(grep -c -e "^-A $2-user-input " "$work/filter")" -eq "$(grep -c -e "^-A $2-user-input " "$3")" ] || { echo "$1: other rules than in $3"; return 1; }
}
settled() {
  grep -q '^ENABLED=yes' /etc/ufw/ufw.conf || { echo 'not switched on'; return 1; }
  enforced iptables ufw /etc/ufw/user.rules || return 1
  ! has_v6 || enforced ip6tables ufw6 /etc/ufw/user6.rules
}`;
}

/** Nothing but SSH, the edge and what was named on purpose from outside, by IPv4 and IPv6. Rules of others stay and are named. */
export function firewallTask(sshPorts: readonly number[], openPorts: readonly OpenPort[] = []): Task {
  const functions = shared(reachablePorts(sshPorts, openPorts));
  return {
    id: 'firewall',
    reason: 'Only SSH and the edge are reachable; SSH is let in before the firewall is switched on',
    source: 'CIS Debian 12 4.2; ufw(8)',
    show: 'ufw status verbose',
    check: `${functions}
systemctl -q is-enabled ufw || { echo 'not switched on at boot'; return 1; }
for setting in IPV6=yes DEFAULT_INPUT_POLICY='"DROP"' DEFAULT_OUTPUT_POLICY='"ACCEPT"'; do
  grep -q -x -F -e "$setting" /etc/default/ufw || { echo "/etc/default/ufw: without $setting"; return 1; }
done
rules >"$work/rules" || return 1
while read -r kind port v4 v6; do
  case $kind in
    port)
      case $v4 in allow | limit) ;; *) echo "port $port is not let in"; return 1 ;; esac
      case $v6 in allow | limit) ;; *) ! has_v6 || { echo "port $port is not let in on IPv6"; return 1; } ;; esac
      ;;
    old) echo "port $port is let in by us from earlier"; return 1 ;;
  esac
done <"$work/rules"
settled || return 1
others=$(sed -n 's/^other //p' "$work/rules" | sed 's|0.0.0.0/0|anywhere|;s|::/0|anywhere|' | sort -u)
[ -z "$others" ] || say "rules of others, left alone: $others"`,
    apply: `${functions}
rules >"$work/rules"
# Without this nobody could log in once the firewall is on: whoever made such a rule has to take it back.
if shut=$(grep -E '^port [^ ]+ .*(deny|reject)' "$work/rules"); then
  echo "a rule of UFW shuts a port that is needed; delete it on the server (ufw status numbered): $shut"
  return 1
fi
sed -e 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw >"$work/default"
grep -q '^IPV6=' "$work/default" || echo 'IPV6=yes' >>"$work/default"
cmp -s "$work/default" /etc/default/ufw || put /etc/default/ufw 644 root:root <"$work/default"
while read -r kind port v4 v6; do
  [ "$kind" = port ] || continue
  case "$v4 $v6" in
    *none*) ;;
    *) continue ;;
  esac
  # Somebody's limit on logins stays a limit.
  case "$v4 $v6" in *limit*) verb=limit ;; *) verb=allow ;; esac
  ufw "$verb" "$port" comment ${COMMENT}
done <"$work/rules"
grep -q '^DEFAULT_INPUT_POLICY="DROP"' /etc/default/ufw || ufw default deny incoming
grep -q '^DEFAULT_OUTPUT_POLICY="ACCEPT"' /etc/default/ufw || ufw default allow outgoing
sed -n 's/^old //p' "$work/rules" | sort -u >"$work/old"
while read -r port; do
  ufw delete allow "$port" || ufw delete limit "$port"
  say "not let in any more: $port"
done <"$work/old"
ufw --force enable
systemctl -q enable ufw
settled || ufw reload`,
  };
}

/** What the kernel goes by, on IPv6 too where the host has it. */
export function firewallReadings(sshPorts: readonly number[], openPorts: readonly OpenPort[] = []): Reading[] {
  const what = 'firewall';
  return [
    {
      id: 'firewall',
      what,
      shell: `iptables -w -S | grep -E -e '^-P ' -e '^-A ufw-user-input ' | sed 's/^/iptables /'
if [ -e /proc/net/if_inet6 ]; then ip6tables -w -S | grep -E -e '^-P ' -e '^-A ufw6-user-input ' | sed 's/^/ip6tables /'
else echo 'no IPv6'; fi`,
      judge: (value) => {
        const lines = value.split('\n').map((line) => line.trim());
        const families = ['iptables', ...(lines.includes('no IPv6') ? [] : ['ip6tables'])];
        const ports = reachablePorts(sshPorts, openPorts);
        return families.flatMap((family) => judgeFamily(family, lines, ports));
      },
    },
  ];
}

function judgeFamily(family: string, lines: readonly string[], ports: readonly OpenPort[]): Finding[] {
  const what = `firewall (${family})`;
  const findings = ['-P INPUT DROP', '-P OUTPUT ACCEPT']
    .filter((policy) => !lines.includes(`${family} ${policy}`))
    .map((policy) => {
      const [, chain = ''] = policy.split(' ');
      const found = lines.find((line) => line.startsWith(`${family} -P ${chain} `));
      return { what, found: found?.slice(family.length + 1) ?? `no policy of ${chain}`, allowed: policy };
    });
  const accepted = lines.filter((line) =>
    new RegExp(`^${family} -A ufw6?-user-input .*-j (ACCEPT|ufw6?-user-limit-accept)$`).test(line),
  );
  for (const port of ports) {
    if (accepted.some((line) => letsIn(line, port))) continue;
    findings.push({ what: `${what} port ${portName(port)}`, found: 'not let in', allowed: 'let in from anywhere' });
  }
  return findings;
}

/** Does a rule, as iptables prints it, let everybody in to this port? */
function letsIn(rule: string, { port, protocol }: OpenPort): boolean {
  if (/ (-s|-i|--sport|--sports|-d) /.test(rule) || !rule.includes(` -p ${protocol} `)) return false;
  const [, list] = / --dports? ([0-9:,]+) /.exec(rule) ?? [];
  return (list?.split(',') ?? []).some((part) => {
    const [first, last = first] = part.split(':').map(Number);
    return first !== undefined && last !== undefined && port >= first && port <= last;
  });
}
