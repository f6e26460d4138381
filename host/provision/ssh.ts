import { settings, type Reading } from './audit.ts';
import { sha256 } from './shell.ts';
import { placed, type Task } from './task.ts';

/** First match wins in sshd's configuration, so the name must sort before cloud-init's 50-cloud-init.conf. */
const SSHD_PATH = '/etc/ssh/sshd_config.d/00-delivery.conf';
const SSHD_SETTINGS = [
  ['PasswordAuthentication', 'no'],
  ['KbdInteractiveAuthentication', 'no'],
  ['PermitRootLogin', 'prohibit-password'],
  ['X11Forwarding', 'no'],
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

/** Logins by key alone. */
export function sshTask(): Task {
  const content = sshdDropIn();
  const settings = SSHD_SETTINGS.map(
    ([name, value]) =>
      `grep -Eqx '${effective(name, value)}' "$work/sshd" || { echo "another file of sshd's configuration wins: $(grep -i '^${name} ' "$work/sshd")"; return 1; }`,
  ).join('\n');
  return {
    id: 'sshd',
    reason: 'Passwords can be guessed; keys cannot',
    source: 'CIS Debian 12 5.1; sshd_config(5)',
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

/** What sshd goes by, whichever file says so. */
export function sshReadings(): Reading[] {
  const what = 'sshd -T';
  return [
    {
      id: 'sshd',
      what,
      shell: `/usr/sbin/sshd -T | grep -E '^(port|${SSHD_SETTINGS.map(([name]) => name.toLowerCase()).join('|')}) '`,
      judge: (value) => {
        const found = settings(value);
        return SSHD_SETTINGS.flatMap(([name, wanted]) => {
          const actual = found.get(name.toLowerCase()) ?? 'nothing';
          if (new RegExp(effective(name, wanted)).test(`${name.toLowerCase()} ${actual}`)) return [];
          return [{ what: `${what} ${name}`, found: actual, allowed: wanted }];
        });
      },
    },
  ];
}
