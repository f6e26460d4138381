import type { Admin } from './admin.ts';
import { settings, type Reading } from './audit.ts';
import { quote, sha256 } from './shell.ts';
import { checkPorts, LISTENS, PORT_FILES, writePorts } from './ssh-port.ts';
import { armRevert, RELOAD_FUNCTIONS, REVERT_PATHS } from './ssh-revert.ts';
import { placed, type Task } from './task.ts';

/** First match wins in sshd's configuration, so the name must sort before cloud-init's 50-cloud-init.conf. */
export const SSHD_PATH = '/etc/ssh/sshd_config.d/00-delivery.conf';

/** How the host is to be reached. */
export interface SshPlan {
  admin: Admin;
  /** The one port that sshd is to listen on; null leaves its ports alone. */
  port: number | null;
  /** systemd listens in sshd's place (ssh.socket). */
  socket: boolean;
  /** Seconds until a change that nobody has confirmed is undone. */
  revertSeconds: number;
}

export interface SshdSetting {
  name: string;
  value: string;
  reason: string;
  source: string;
}

/** What sshd is set to. */
export function sshdSettings({ admin }: Pick<SshPlan, 'admin'>): SshdSetting[] {
  const root: SshdSetting =
    admin.user === 'root'
      ? {
          name: 'PermitRootLogin',
          value: 'prohibit-password',
          reason: 'root is the admin here, by key alone',
          source: 'sshd_config(5)',
        }
      : {
          name: 'PermitRootLogin',
          value: 'no',
          reason: 'Every attack tries root; the admin has a name of their own, and the log tells it',
          source: 'CIS Debian 12 5.1.20',
        };
  return [
    {
      name: 'PasswordAuthentication',
      value: 'no',
      reason: 'Passwords can be guessed; keys cannot',
      source: 'sshd_config(5)',
    },
    {
      name: 'KbdInteractiveAuthentication',
      value: 'no',
      reason: 'The other way to type a password, by PAM',
      source: 'sshd_config(5)',
    },
    root,
    {
      name: 'PermitEmptyPasswords',
      value: 'no',
      reason: 'An account without a password stays closed even if passwords came back',
      source: 'CIS Debian 12 5.1.19',
    },
    {
      name: 'MaxAuthTries',
      value: '4',
      reason: 'Few keys are tried in one connection',
      source: 'CIS Debian 12 5.1.16',
    },
    {
      name: 'LoginGraceTime',
      value: '30',
      reason: 'Connections that do not log in do not hold places of those that do',
      source: 'CIS Debian 12 5.1.13 (60 or less)',
    },
    {
      name: 'X11Forwarding',
      value: 'no',
      reason: 'A server has no screen',
      source: 'CIS Debian 12 5.1.8',
    },
    {
      name: 'AllowTcpForwarding',
      value: 'no',
      reason: 'A key does not open what listens on loopback; deploys use plain commands',
      source: 'CIS Debian 12 5.1.8',
    },
    {
      name: 'AllowAgentForwarding',
      value: 'no',
      reason: "The admin's other keys are not lent to this host",
      source: 'CIS Debian 12 5.1.8',
    },
  ];
}

/** The text of the sshd drop-in. */
export function sshdDropIn(plan: Pick<SshPlan, 'admin'>): string {
  return [
    '# Managed by provision-vps. The first value that sshd reads wins, hence the name 00-.',
    ...sshdSettings(plan).map(({ name, value }) => `${name} ${value}`),
    '',
  ].join('\n');
}

/** What `sshd -T` prints for a setting; it has two words for keys-only root logins. */
function effective({ name, value }: SshdSetting): string {
  const shown = value === 'prohibit-password' ? '(prohibit-password|without-password)' : value;
  return `^${name.toLowerCase()} ${shown}$`;
}

/** Shell for a check: what sshd goes by, whichever file says so; names the file that says otherwise. */
function wins(plan: SshPlan, users: readonly string[]): string {
  const each = sshdSettings(plan)
    .map((setting) => `  wins ${setting.name} ${quote(effective(setting))} "$1" "$2" || return 1`)
    .join('\n');
  return `wins() {
  if grep -Eqx "$2" "$3"; then return 0; fi
  files=$(echo /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config)
  # A block counts wherever it stands; of other lines the first.
  [ -z "$4" ] || files=$(grep -liE '^[[:space:]]*Match[[:space:]]' $files 2>/dev/null)
  line=$(grep -HniE "^[[:space:]]*$1[[:space:]=]" $files 2>/dev/null | grep -v '^${SSHD_PATH}:' | head -n 2)
  hint=
  grep -qiE '^[[:space:]]*Include[[:space:]].*sshd_config\\.d' /etc/ssh/sshd_config || hint='; /etc/ssh/sshd_config does not begin with: Include /etc/ssh/sshd_config.d/*.conf'
  echo "another line of sshd's configuration wins$4: $(grep -i "^$1 " "$3")\${line:+; }$(printf '%s' "$line" | tr '\\n' ' ')$hint"
  return 1
}
all_win() {
${each}
}
all_win "$work/sshd" '' || return 1
if grep -rqiE '^[[:space:]]*Match[[:space:]]' /etc/ssh/sshd_config /etc/ssh/sshd_config.d; then
  set -- \${DELIVERY_SSH:-127.0.0.1 0 127.0.0.1 22}
  for user in ${users.map(quote).join(' ')}; do
    /usr/sbin/sshd -T -C "user=$user,host=$1,addr=$1,laddr=$3,lport=$4" >"$work/sshd_match" || return 1
    all_win "$work/sshd_match" " in a Match block, for $user" || return 1
  done
fi`;
}

/** Shell that changes sshd under the timer which undoes it: `write` writes the files, `good` is a check of what came out. */
function changeGuarded(plan: SshPlan, write: string, good: string): string {
  const { socket, revertSeconds: seconds } = plan;
  const files = `${SSHD_PATH} ${plan.port === null ? '' : PORT_FILES}`;
  return `${RELOAD_FUNCTIONS}${LISTENS}
good() {
mkdir -p /run/sshd
/usr/sbin/sshd -T >"$work/sshd" 2>"$work/sshd_said" || { cat "$work/sshd_said"; return 1; }
${good}
}
take_back() { sh ${REVERT_PATHS.state}/revert >/dev/null || :; echo "the change was taken back: $(cat "$work/bad")"; return 1; }
mkdir -p /run/sshd /etc/ssh/sshd_config.d
( ${armRevert({ files, socket, seconds })} )
${write}
good >"$work/bad" 2>&1 || take_back
reload_ssh ${socket ? 'socket' : 'service'} >"$work/bad" 2>&1 || take_back
say 'sshd reloaded'`;
}

/** Listens on a new port beside the old ones, and closes nothing. @param now every port that is to be served meanwhile */
export function openPortTask(plan: SshPlan, now: readonly number[]): Task {
  const { port, socket } = plan;
  return {
    id: 'ssh_new_port',
    reason: 'The new port is served beside the old one until a login has come through it',
    source: 'sshd_config(5); systemd.socket(5)',
    check: `${LISTENS}
listens ${port}`,
    apply: `${changeGuarded(plan, writePorts(now, socket), 'true')}
tries=0
until listens ${port}; do
  tries=$(( tries + 1 ))
  if [ "$tries" -gt 20 ]; then echo 'sshd does not listen there' >"$work/bad"; take_back; fi
  sleep 0.1
done`,
  };
}

/**
 * Logins by key alone, and on one port. Its check stands among those of all tasks; it is applied over a connection of the admin user,
 * so that nothing is closed before that login was proven.
 */
export function sshTask(plan: SshPlan, deployUser: string): Task {
  const { port, socket } = plan;
  const content = sshdDropIn(plan);
  const users = [...new Set(['root', plan.admin.user, deployUser])];
  const ports = port === null ? '' : `\n${LISTENS}\n${checkPorts([port], socket)}`;
  const good = wins(plan, users);
  return {
    id: 'sshd',
    reason: 'Logins by key alone, by people with a name',
    source: 'CIS Debian 12 5.1; sshd_config(5)',
    show: '/usr/sbin/sshd -T',
    deferred: true,
    check: `same ${SSHD_PATH} ${sha256(content)} 644 root:root || { echo '${SSHD_PATH} is missing or was changed'; return 1; }
mkdir -p /run/sshd
/usr/sbin/sshd -T >"$work/sshd" || return 1
${good}${ports}`,
    apply: changeGuarded(
      plan,
      `${placed(SSHD_PATH, '644', 'root:root', content)}${port === null ? '' : writePorts([port], socket)}`,
      good,
    ),
  };
}

/** What sshd goes by, whichever file says so. */
export function sshReadings(plan: SshPlan): Reading[] {
  const what = 'sshd -T';
  const wanted = sshdSettings(plan);
  return [
    {
      id: 'sshd',
      what,
      shell: `/usr/sbin/sshd -T | grep -E '^(port|${wanted.map(({ name }) => name.toLowerCase()).join('|')}) '`,
      judge: (value) => {
        const found = settings(value);
        const findings = wanted.flatMap((setting) => {
          const { name, value: allowed } = setting;
          const actual = found.get(name.toLowerCase()) ?? 'nothing';
          if (new RegExp(effective(setting)).test(`${name.toLowerCase()} ${actual}`)) return [];
          return [{ what: `${what} ${name}`, found: actual, allowed }];
        });
        const port = found.get('port') ?? 'nothing';
        return plan.port === null || port === String(plan.port)
          ? findings
          : [...findings, { what: `${what} Port`, found: port, allowed: String(plan.port) }];
      },
    },
  ];
}
