import { packageTasks } from './packages.ts';
import { sha256 } from './shell.ts';
import { fileTask, placedAt, type Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

/** Docker with capped logs and containers that outlive the daemon. */
export function dockerTasks(plan: HostPlan): Task[] {
  return [
    daemonConfig(plan.daemonJson),
    ...packageTasks(plan),
    quickRestart(),
    {
      id: 'docker_running',
      reason:
        'Docker runs now and after a reboot, in a version that the agent can drive (24 or newer, with compose v2)',
      source: 'docs.docker.com/engine/install/linux-postinstall',
      show: "docker info --format '{{.ServerVersion}} {{.LiveRestoreEnabled}} {{.LoggingDriver}}'",
      check: `systemctl -q is-enabled docker || return 1
version=$(docker info --format '{{.ServerVersion}} {{.LiveRestoreEnabled}}') || return 1
[ "\${version%%.*}" -ge 24 ] || { echo "Docker \${version% *} is too old: 24 or newer is needed"; return 1; }
[ "\${version#* }" = true ] || { echo 'live-restore is off'; return 1; }
docker compose version --short`,
      apply: `systemctl reset-failed docker 2>/dev/null || :
systemctl -q enable --now docker
until_true 30 docker info`,
    },
    networkTask(),
  ];
}

/** What the edge needs of Docker, also of one that somebody else keeps. */
export function networkTask(): Task {
  return {
    id: 'network_edge',
    reason: 'The network on which the edge reaches the apps; it belongs to the host, not to one compose project',
    source: 'docs.docker.com/engine/network',
    show: 'docker network inspect edge',
    check: `docker network inspect edge >/dev/null`,
    apply: `docker network create --label delivery.managed=true edge`,
  };
}

/**
 * Comes before the packages: on a bare host Docker then starts with this configuration and need not be restarted. A daemon that is older
 * than the file has not read it: an earlier run may have been killed between the two.
 */
function daemonConfig(daemonJson: string | null): Task {
  const path = '/etc/docker/daemon.json';
  const stale = `[ -e /run/docker.pid ] && [ ${path} -nt /run/docker.pid ] && systemctl -q is-active docker`;
  const asWanted =
    daemonJson === null ? `[ -f ${path} ]` : `[ "$(sha256sum <${path} | cut -c1-64)" = ${sha256(daemonJson)} ]`;
  const written =
    daemonJson === null
      ? ''
      : `mkdir -p /etc/docker
${placedAt('"$work/daemon.json"', '644', 'root:root', daemonJson)}
if command -v dockerd >/dev/null 2>&1; then
  dockerd --validate --config-file "$work/daemon.json" || { echo '${path} would not be taken by Docker with what it holds already: repair it first; it was left as it is'; return 1; }
fi
put ${path} 644 root:root <"$work/daemon.json"
`;
  return {
    id: 'daemon_config',
    reason:
      'Capped container logs do not fill the disk; live-restore keeps containers running while the daemon restarts',
    source: 'docs.docker.com/engine/daemon/live-restore and engine/logging/configure',
    show: `cat ${path}`,
    check: `${asWanted} || return 1
if ${stale}; then echo "Docker runs on an older ${path}"; return 1; fi`,
    apply: `# Between the operations of the apps: they need Docker at every step.
if systemctl -q is-active docker 2>/dev/null; then hold_operations /opt; fi
${written}if systemctl -q is-active docker 2>/dev/null; then
  # live-restore is taken over by a reload; only then does a restart spare the containers.
  systemctl reload docker
  sleep 1
  systemctl restart docker
  say 'docker restarted'
fi`,
  };
}

function quickRestart(): Task {
  return fileTask({
    id: 'docker_restart',
    reason:
      'A daemon that dies is started again after half a second, however often: without it the edge cannot resolve the names of containers',
    source: 'systemd.service(5); systemd.unit(5)',
    path: '/etc/systemd/system/docker.service.d/10-delivery.conf',
    makeDirectory: true,
    mode: '644',
    content: '# Managed by provision-vps.\n[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=500ms\n',
    then: 'systemctl daemon-reload',
  });
}
