import { quote } from './shell.ts';
import { directoriesTask, fileTask, type DirectorySpec, type Task } from './task.ts';
import type { HostPlan } from './tasks.ts';
import { launcher } from './files.ts';

/** The line of authorized_keys that binds the deploy key to the launcher. */
export function deployKeyLine({ app, deployKey }: Pick<HostPlan, 'app' | 'deployKey'>): string {
  return `restrict,command="/opt/edge/bin/release ${app}" ${deployKey}`;
}

/** The edge's directories, parents first. */
export const EDGE_DIRECTORIES: readonly DirectorySpec[] = [
  { path: '/opt/edge', mode: '755' },
  { path: '/opt/edge/bin', mode: '755' },
  { path: '/opt/edge/dynamic', mode: '755' },
  { path: '/opt/edge/staging', mode: '755' },
  { path: '/opt/edge/certs', mode: '700' },
  { path: '/opt/edge/acme', mode: '700' },
  // A watching agent listens here for a rollback; its socket gets the directory's group, in which the deploy user is.
  { path: '/opt/edge/run', mode: '2750', owner: 'root:docker' },
];

/**
 * Who may ask for a release: one user whose key rings the launcher. That is no shell, but it is not nothing: whoever holds the key can
 * deploy any release that lies in the allowed repository (policy.json; any repository where it names none), and can roll back.
 */
export function accessTasks(plan: HostPlan): Task[] {
  const user = quote(plan.deployUser);
  const line = deployKeyLine(plan);
  const form = '^restrict,command="/opt/edge/bin/release [a-z][a-z0-9-]{0,30}" ';
  const wanted = `keys=$(getent passwd ${user} | cut -d: -f6)/.ssh/authorized_keys
wanted() {
  {
    # Keys of other apps of this host stay; anything that is not a launcher key goes, and so do those of removed apps.
    grep -E ${quote(form)} "$keys" 2>/dev/null | grep -v -F ${quote(`"/opt/edge/bin/release ${plan.app}" `)} | while IFS= read -r other; do
      [ ! -d "/opt/$(printf '%s' "$other" | cut -d ' ' -f 2 | tr -d '"')" ] || printf '%s\\n' "$other"
    done
    printf '%s\\n' ${quote(line)}
  } | sort -u
}`;
  return [
    directoriesTask(
      {
        id: 'edge_directories',
        reason: 'Root owns what root will run; the deploy user can read and run the launcher, no more',
        source: 'docs/host.md; CIS Debian 12 7.1',
      },
      EDGE_DIRECTORIES,
    ),
    fileTask({
      id: 'launcher',
      reason: 'The one program that the deploy key can start',
      source: 'sshd(8), command= of authorized_keys',
      path: '/opt/edge/bin/release',
      mode: '755',
      content: launcher,
    }),
    {
      id: 'deploy_user',
      reason: 'Deploys do not log in as root; no password means that only the key opens the account',
      source: 'CIS Debian 12 5.1; useradd(8)',
      show: `id ${plan.deployUser}; getent shadow ${plan.deployUser}`,
      check: `id ${user} >/dev/null && id -nG ${user} | tr ' ' '\\n' | grep -qx docker && [ "$(getent shadow ${user} | cut -d: -f2)" = '*' ]`,
      apply: `id ${user} >/dev/null 2>&1 || useradd --create-home --shell /bin/sh ${user}
usermod --append --groups docker --password '*' ${user}`,
    },
    {
      id: 'deploy_key',
      reason:
        'A stolen deploy key gets the launcher: no shell and no forwarding, but every release of the allowed repository',
      source: 'sshd(8), restrict of authorized_keys',
      show: `cat ~${plan.deployUser}/.ssh/authorized_keys`,
      check: `${wanted}
[ "$(wanted)" = "$(cat "$keys")" ] && [ "$(stat -c '%a %U' "$keys" "$(dirname "$keys")")" = "$(printf '600 %s\\n700 %s' ${user} ${user})" ]`,
      apply: `${wanted}
if wanted | grep -v -F ${quote(`"/opt/edge/bin/release ${plan.app}" `)} | grep -q -F ${quote(plan.deployKey)}; then
  echo 'this deploy key is in use for another app of this host: make one key per app'
  return 1
fi
group=$(id -gn ${user})
directory "$(dirname "$keys")" 700 ${user}:"$group"
wanted >"$work/authorized_keys"
put "$keys" 600 ${user}:"$group" <"$work/authorized_keys"`,
    },
    directoriesTask(
      {
        id: 'app_directory',
        reason: "The app's releases, ledger and secrets are root's alone",
        source: 'docs/host.md',
      },
      [{ path: `/opt/${plan.app}`, mode: '750' }],
    ),
    {
      id: 'app_secrets',
      reason: 'The file of secrets exists with its mode before the first secret is written to it',
      source: 'docs/host.md; CIS Debian 12 7.1',
      show: `stat -c '%a %U:%G' /opt/${plan.app}/.env`,
      check: `[ -f /opt/${plan.app}/.env ] && [ "$(stat -c '%a %U:%G' /opt/${plan.app}/.env)" = '600 root:root' ]`,
      apply: `if [ -f /opt/${plan.app}/.env ]; then
  chown root:root /opt/${plan.app}/.env
  chmod 600 /opt/${plan.app}/.env
else
  put /opt/${plan.app}/.env 600 root:root </dev/null
fi`,
    },
  ];
}
