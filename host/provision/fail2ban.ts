import type { Reading } from './audit.ts';
import type { Finding } from './finding.ts';
import { fileTask, type Task } from './task.ts';

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

/** A guard on the SSH port. */
export function fail2banTasks(sshPorts: readonly number[]): Task[] {
  return [
    fileTask({
      id: 'fail2ban_jail',
      reason: 'Repeated failed logins are shut out for an hour, by the journal: a host of today writes no auth.log',
      source: 'jail.conf(5); CIS Debian 12 5.1',
      path: '/etc/fail2ban/jail.d/delivery.local',
      mode: '644',
      content: jail(sshPorts),
      then: 'systemctl restart fail2ban\nuntil_true 20 fail2ban-client status sshd',
    }),
    {
      id: 'fail2ban_running',
      reason: 'The guard runs now and after a reboot, and watches SSH',
      source: 'fail2ban-client(1)',
      show: 'fail2ban-client status sshd',
      // The answer is kept for the reading: the client takes its time.
      check: `systemctl -q is-enabled fail2ban && systemctl -q is-active fail2ban || { echo 'not running'; return 1; }
fail2ban-client status sshd >"$work/fail2ban"`,
      apply: `systemctl -q enable fail2ban
systemctl restart fail2ban
until_true 20 fail2ban-client status sshd`,
    },
  ];
}

/** The guard as it runs. */
export function fail2banReadings(): Reading[] {
  const what = 'fail2ban';
  return [
    {
      id: 'fail2ban',
      what,
      shell: `systemctl is-active fail2ban
for each in "$work" "$work/foreseen/fail2ban_running"; do
  if [ -s "$each/fail2ban" ]; then cat "$each/fail2ban"; return; fi
done
fail2ban-client status sshd`,
      judge: (value): Finding[] => {
        const [state = ''] = value.split('\n');
        if (state !== 'active') return [{ what, found: state || 'not installed', allowed: 'active' }];
        return value.includes('Status for the jail: sshd')
          ? []
          : [{ what: `${what} jail sshd`, found: 'not there', allowed: 'active' }];
      },
    },
  ];
}
