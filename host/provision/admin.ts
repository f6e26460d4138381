import { quote, sha256 } from './shell.ts';
import { placed, placedAt, type Task } from './task.ts';

/** Who administers the host. */
export interface Admin {
  /** root, or a user that becomes root by sudo without a password. */
  user: string;
  /** `<type> <base64>` that is to open the account; null where the account is somebody else's to keep. */
  key: string | null;
}

const SUDOERS = '/etc/sudoers.d/delivery';

/** A user of its own for the admin, so that root's door can be closed. Nothing to do where the login that was given is that user already. */
export function adminTasks({ user, key }: Admin): Task[] {
  if (key === null) return [];
  const name = quote(user);
  const sudoers = `# Managed by provision-vps.\n${user} ALL=(ALL:ALL) NOPASSWD: ALL\n`;
  const [type = '', blob = ''] = key.split(' ');
  // Lines with options in front do not open a shell, so they do not count.
  const listed = `awk -v type=${quote(type)} -v blob=${quote(blob)} '$1 == type && $2 == blob { found = 1 } END { exit !found }'`;
  const where = `home=$(getent passwd ${name} | cut -d: -f6)
keys=$home/.ssh/authorized_keys`;
  return [
    {
      id: 'admin_user',
      reason:
        'Work as root is done by a user with a name: the log tells who, and root need not be open to the internet',
      source: 'CIS Debian 12 5.1.20, 5.2.1; sudoers(5)',
      show: `id ${user}; cat ${SUDOERS}`,
      check: `id ${name} >/dev/null && [ "$(id -u ${name})" -ge 1000 ] || { echo 'no such user'; return 1; }
case "$(getent shadow ${name} | cut -d: -f2)" in '*' | '!'*) ;; *) echo 'it has a password'; return 1 ;; esac
command -v sudo >/dev/null && same ${SUDOERS} ${sha256(sudoers)} 440 root:root`,
      apply: `if id ${name} >/dev/null 2>&1; then
  [ "$(id -u ${name})" -ge 1000 ] || { echo ${quote(`${user} is an account of the system: choose another name`)}; return 1; }
else
  useradd --create-home --shell /bin/bash ${name}
fi
usermod --password '*' ${name}
if ! command -v sudo >/dev/null; then
  apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update
  apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold install --no-install-recommends sudo
fi
# A file that sudo cannot read would close sudo for everybody.
${placedAt('"$work/sudoers"', '440', 'root:root', sudoers)}visudo -cqf "$work/sudoers"
${placed(SUDOERS, '440', 'root:root', sudoers)}`,
    },
    {
      id: 'admin_key',
      reason: 'The key that provisions opens the admin user, and no password does; other keys there are left alone',
      source: 'sshd(8), AUTHORIZED_KEYS FILE FORMAT',
      show: `cat ~${user}/.ssh/authorized_keys`,
      check: `${where}
[ "$(stat -c '%a %U' "$keys" "$(dirname "$keys")")" = "$(printf '600 %s\\n700 %s' ${name} ${name})" ] && ${listed} "$keys"`,
      apply: `${where}
group=$(id -gn ${name})
directory "$home/.ssh" 700 ${name}:"$group"
{
  if [ -f "$keys" ]; then cat "$keys"; fi
  if ! { [ -f "$keys" ] && ${listed} "$keys"; }; then printf '%s\\n' ${quote(key)}; fi
} | put "$keys" 600 ${name}:"$group"`,
    },
  ];
}
