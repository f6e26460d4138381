import { placedAt } from './task.ts';
import type { Task } from './task.ts';

/** Where the state of sshd before an unconfirmed change lies, and the units that undo the change; a test has its own. */
export interface RevertPaths {
  state: string;
  units: string;
  lock: string;
  owner: string;
}

export const REVERT_PATHS: RevertPaths = {
  state: '/var/lib/delivery/ssh-before',
  units: '/etc/systemd/system',
  lock: '/run/delivery-ssh.lock',
  owner: 'root:root',
};

/** The timer and the service that it starts. */
export const REVERT_UNIT = 'delivery-ssh-revert';

/** Shell functions that make sshd take over its configuration; `$1` says who listens: `socket` is systemd, `service` is sshd itself. */
export const RELOAD_FUNCTIONS = String.raw`# The sockets on which something listens, by inode and port.
ssh_sockets() { cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { n = split($2, at, ":"); print $10, at[n] }' | sort; }
ssh_renewed() { [ "$(ssh_sockets)" != "$1" ]; }
reload_ssh() {
  # With a configuration that it does not take, sshd would not come back.
  mkdir -p /run/sshd
  /usr/sbin/sshd -t || return 1
  if [ "$1" = socket ]; then
    systemctl daemon-reload
    # A socket whose service runs does not take new ports. Sessions are processes of their own and go on.
    systemctl stop ssh.service
    systemctl reset-failed ssh.service ssh.socket 2>/dev/null || :
    systemctl restart ssh.socket
    return
  fi
  before=$(ssh_sockets)
  if systemctl reload ssh.service; then
    # The signal is only sent when reload returns: until the sockets are new ones, the old configuration answers.
    tries=0
    while [ "$tries" -lt 50 ] && ! ssh_renewed "$before"; do tries=$(( tries + 1 )); sleep 0.1; done
    sleep 0.2
  else
    systemctl reset-failed ssh.service 2>/dev/null || :
    systemctl restart ssh.service
  fi
}
`;

/** The script that puts everything back; it runs from the timer, or because the runner asks for it. */
export function revertScript({ state, units, lock }: RevertPaths = REVERT_PATHS): string {
  return `# Managed by provision-vps: undoes changes of sshd that nobody has confirmed.
${RELOAD_FUNCTIONS}
main() {
exec 7>${lock}
flock 7
[ -d ${state} ] || exit 0
while IFS= read -r path; do
  if [ -e "${state}/files$path" ]; then
    cp -p "${state}/files$path" "$path.delivery-undo" && mv -f "$path.delivery-undo" "$path"
  else
    rm -f "$path"
  fi
done <${state}/paths
# Where somebody else has broken the configuration meanwhile, the timer tries again.
reload_ssh "$(cat ${state}/listens)" || exit 1
rm -rf ${state}
systemctl -q disable ${REVERT_UNIT}.timer
systemctl stop ${REVERT_UNIT}.timer
rm -f ${units}/${REVERT_UNIT}.timer ${units}/${REVERT_UNIT}.service
systemctl daemon-reload
echo 'sshd is as it was before'
exit 0
}
main </dev/null
`;
}

function timer(seconds: number): string {
  return `[Unit]
Description=Undo changes of sshd that nobody has confirmed
[Timer]
OnActiveSec=${seconds}
OnUnitInactiveSec=${seconds}
AccuracySec=100ms
[Install]
WantedBy=timers.target
`;
}

function service({ state }: RevertPaths): string {
  return `[Unit]
Description=Undo changes of sshd that nobody has confirmed
[Service]
Type=oneshot
ExecStart=/bin/sh ${state}/revert
`;
}

export interface Guarded {
  /** Files that will be changed, made or removed; shell words, each expands to any number of paths. */
  files: string;
  /** systemd listens in sshd's place. */
  socket: boolean;
  seconds: number;
}

/**
 * Shell that saves what is about to change and starts the timer which undoes it; ends with an error where the timer does not run. Where a change
 * is unconfirmed already, what was saved for it stays, and the timer begins anew.
 */
export function armRevert({ files, socket, seconds }: Guarded, paths: RevertPaths = REVERT_PATHS): string {
  const { state, units, lock, owner } = paths;
  const fresh = `${state}.new`;
  return `exec 7>${lock}
flock 7
if [ ! -d ${state} ]; then
  rm -rf ${fresh}
  mkdir -p ${fresh}/files
  chmod 700 ${fresh}
  for path in ${files}; do
    printf '%s\\n' "$path" >>${fresh}/paths
    if [ -e "$path" ]; then
      mkdir -p "${fresh}/files$(dirname "$path")"
      cp -p "$path" "${fresh}/files$path"
    fi
  done
  printf '%s\\n' ${socket ? 'socket' : 'service'} >${fresh}/listens
${placedAt(`${fresh}/revert`, '700', owner, revertScript(paths))}
  mv ${fresh} ${state}
fi
${placedAt(`${units}/${REVERT_UNIT}.service`, '644', owner, service(paths))}
${placedAt(`${units}/${REVERT_UNIT}.timer`, '644', owner, timer(seconds))}
# A power cut between here and the change must find all of it on the disk.
sync ${state}/* ${units}/${REVERT_UNIT}.service ${units}/${REVERT_UNIT}.timer
systemctl daemon-reload
systemctl -q enable ${REVERT_UNIT}.timer
systemctl restart ${REVERT_UNIT}.timer
systemctl -q is-active ${REVERT_UNIT}.timer
exec 7>&-
`;
}

/** Between a change and the login that confirms it, another run sees it unconfirmed: for so many seconds it waits for that. */
const PATIENCE = 5;

/**
 * Undoes what an earlier run has left unconfirmed, or this one cannot prove.
 * @param patience seconds to wait for another run that may be about to confirm it, which has the host to itself meanwhile
 */
export function revertTask(patience = PATIENCE, { state }: RevertPaths = REVERT_PATHS): Task {
  return {
    id: 'ssh_unconfirmed',
    reason: 'A change of sshd that no later login has proven is undone',
    source: 'this project: README of provision-vps',
    show: `ls ${state}`,
    check: `[ ! -d ${state} ] || { echo 'a change of sshd was never confirmed'; return 1; }`,
    apply: `tries=${patience * 5}
flock -u 9
while [ "$tries" -gt 0 ] && [ -d ${state} ]; do
  tries=$(( tries - 1 ))
  sleep 0.2
done
flock -w 900 9
if [ -d ${state} ]; then sh ${state}/revert; else say 'another run has settled it meanwhile'; fi`,
  };
}

/** Takes the timer away: a login has come through after the change. */
export function confirmTask({ state, units, lock }: RevertPaths = REVERT_PATHS): Task {
  return {
    id: 'ssh_confirmed',
    reason: 'A login has come through after the change of sshd, so it stays',
    source: 'this project: README of provision-vps',
    show: `systemctl list-timers ${REVERT_UNIT}.timer`,
    check: `[ ! -d ${state} ] && [ ! -e ${units}/${REVERT_UNIT}.timer ]`,
    apply: `exec 7>${lock}
flock 7
[ -d ${state} ] || { echo 'the host has undone the change already: nobody confirmed it in time, or another run has undone it'; return 1; }
rm -rf ${state}
exec 7>&-
systemctl -q disable --now ${REVERT_UNIT}.timer
rm -f ${units}/${REVERT_UNIT}.timer ${units}/${REVERT_UNIT}.service
systemctl daemon-reload`,
  };
}
