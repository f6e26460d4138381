import { fileTask, placed, type Task } from './task.ts';
import type { HostPlan } from './tasks.ts';
import { sha256 } from './shell.ts';

/** First match wins in sshd's configuration, so the name must sort before cloud-init's 50-cloud-init.conf. */
const SSHD_PATH = '/etc/ssh/sshd_config.d/00-delivery.conf';
const SSHD_SETTINGS = [
  ['PasswordAuthentication', 'no'],
  ['KbdInteractiveAuthentication', 'no'],
  ['PermitRootLogin', 'prohibit-password'],
  ['X11Forwarding', 'no'],
] as const;

const SYSCTL = [
  ['vm.swappiness', '10'],
  ['kernel.dmesg_restrict', '1'],
  ['kernel.kptr_restrict', '1'],
] as const;

/** The text of the sshd drop-in. */
export function sshdDropIn(): string {
  return [
    '# Managed by provision-vps. The first value that sshd reads wins, hence the name 00-.',
    ...SSHD_SETTINGS.map(([name, value]) => `${name} ${value}`),
    '',
  ].join('\n');
}

/** What `sshd -T` prints for a setting; it has two words for keys-only root logins. */
function effective(name: string, value: string): string {
  const shown = value === 'prohibit-password' ? '(prohibit-password|without-password)' : value;
  return `^${name.toLowerCase()} ${shown}$`;
}

/** The jail that watches the SSH log in the journal. */
export function jail(sshPorts: readonly number[]): string {
  return [
    '# Managed by provision-vps.',
    '[sshd]',
    'enabled = true',
    'backend = systemd',
    // Docker and UFW bring iptables on every supported system; nft is not always there.
    'banaction = iptables-multiport',
    `port = ${sshPorts.join(',')}`,
    'maxretry = 8',
    'findtime = 10m',
    'bantime = 1h',
    '',
  ].join('\n');
}

/** Logins by key alone, a closed firewall, a guard on the SSH port, and a few kernel settings. */
export function hardeningTasks(plan: HostPlan): Task[] {
  return [sshd(), firewall(plan.sshPorts), ...fail2ban(plan.sshPorts), kernel(plan.container)];
}

function sshd(): Task {
  const content = sshdDropIn();
  const settings = SSHD_SETTINGS.map(
    ([name, value]) =>
      `grep -Eqx '${effective(name, value)}' "$work/sshd" || { echo "another file of sshd's configuration wins: $(grep -i '^${name} ' "$work/sshd")"; return 1; }`,
  ).join('\n');
  return {
    id: 'sshd',
    reason: 'Passwords can be guessed; keys cannot',
    check: `same ${SSHD_PATH} ${sha256(content)} 644 root:root || return 1
/usr/sbin/sshd -T >"$work/sshd" || return 1
${settings}`,
    apply: `mkdir -p /run/sshd /etc/ssh/sshd_config.d
if [ -f ${SSHD_PATH} ]; then cp -p ${SSHD_PATH} "$work/sshd_before"; fi
${placed(SSHD_PATH, '644', 'root:root', content)}
# A configuration that sshd does not take would lock everybody out at its next start.
if ! /usr/sbin/sshd -t; then
  if [ -f "$work/sshd_before" ]; then cp -p "$work/sshd_before" ${SSHD_PATH}; else rm -f ${SSHD_PATH}; fi
  echo "sshd refuses its configuration; the drop-in was taken back"
  return 1
fi
systemctl reload ssh || systemctl try-restart ssh
say 'sshd reloaded'`,
  };
}

function firewall(sshPorts: readonly number[]): Task {
  const ports = [...new Set([...sshPorts, 80, 443])];
  return {
    id: 'firewall',
    reason: 'Only SSH and the edge are reachable; SSH is let in before the firewall is switched on',
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

function fail2ban(sshPorts: readonly number[]): Task[] {
  return [
    fileTask({
      id: 'fail2ban_jail',
      reason: 'Repeated failed logins are shut out for an hour',
      path: '/etc/fail2ban/jail.d/delivery.local',
      mode: '644',
      content: jail(sshPorts),
      then: 'systemctl restart fail2ban\nuntil_true 20 fail2ban-client status sshd',
    }),
    {
      id: 'fail2ban_running',
      reason: 'The guard runs now and after a reboot, and watches SSH',
      check: `systemctl -q is-enabled fail2ban && systemctl -q is-active fail2ban && fail2ban-client status sshd`,
      apply: `systemctl -q enable --now fail2ban
until_true 20 fail2ban-client status sshd`,
    },
  ];
}

function kernel(container: boolean): Task {
  const path = '/etc/sysctl.d/60-delivery.conf';
  const content = ['# Managed by provision-vps.', ...SYSCTL.map(([name, value]) => `${name} = ${value}`), ''].join(
    '\n',
  );
  const reason = 'Memory pressure hits caches before the app; kernel addresses and logs are for root';
  if (container) return { id: 'kernel', reason, check: "say 'shared kernel, not applied'; return 77", apply: 'true' };
  const values = SYSCTL.map(([name, value]) => `[ "$(sysctl -n ${name})" = ${value} ]`).join(' && ');
  return {
    id: 'kernel',
    reason,
    check: `same ${path} ${sha256(content)} 644 root:root && ${values}`,
    apply: `${placed(path, '644', 'root:root', content)}sysctl -q -p ${path}`,
  };
}
