import type { Reading } from './audit.ts';
import type { Finding } from './finding.ts';
import { fileTask, type Task } from './task.ts';

/** For so long does a failed login count. */
const FIND_MINUTES = 10;

/**
 * Shell that ends with 0 where an address is not to be counted: the admin has come in from there by key within the time that failures count for.
 * A run makes logins that are to fail (the admin user before there is one, root once it is out), and so does each run after it. It needs no
 * word from a run, so none can leave it behind, and it holds for what fail2ban reads back when it starts. fail2ban puts the address for `<ip>`.
 */
export function notCounted(users: readonly string[]): string {
  const accepted = `^Accepted publickey for (${[...new Set(users)].join('|')}) from <ip> port `;
  // A name that a stranger types stands later in its line; other users of the host can name a program sshd, but not run it as root.
  const lines = `journalctl -q --since=-${FIND_MINUTES}min -o cat _UID=0 _COMM=sshd + _UID=0 _COMM=sshd-session`;
  return `${lines} | grep -Eq '${accepted}'`;
}

/** The jail that watches the SSH log in the journal. */
export function jail(sshPorts: readonly number[], admin: string): string {
  return [
    '# Managed by provision-vps.',
    '[sshd]',
    'enabled = true',
    'backend = systemd',
    // Docker and UFW bring iptables on every supported system; nft is not always there.
    'banaction = iptables-multiport',
    `port = ${sshPorts.join(',')}`,
    'maxretry = 8',
    `findtime = ${FIND_MINUTES}m`,
    'bantime = 1h',
    `ignorecommand = ${notCounted(['root', admin])}`,
    '',
  ].join('\n');
}

/** Comes before the packages: the guard starts as soon as it is installed, and counts by its own rules what has failed in the ten minutes before. */
export function jailTask(sshPorts: readonly number[], admin: string): Task {
  return fileTask({
    id: 'fail2ban_jail',
    reason:
      'Repeated failed logins are shut out for an hour, by the journal: a host of today writes no auth.log. Where the admin came in by key in the last ten minutes, they are not counted',
    source: 'jail.conf(5); CIS Debian 12 5.1',
    path: '/etc/fail2ban/jail.d/delivery.local',
    makeDirectory: true,
    mode: '644',
    content: jail(sshPorts, admin),
    // Where it does not run, the task for that comes later.
    then: `if systemctl -q is-active fail2ban; then
  systemctl restart fail2ban
  until_true 20 fail2ban-client status sshd
fi`,
  });
}

/** The guard on the SSH port runs. */
export function fail2banTask(): Task {
  return {
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
  };
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
