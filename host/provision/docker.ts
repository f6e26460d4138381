import { fileTask, placed, type Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

const PACKAGES = {
  // python3-systemd lets fail2ban read the journal; the compose plugin has a name of its own in each distribution.
  debian: ['docker.io', 'docker-cli', 'docker-compose'],
  ubuntu: ['docker.io', 'docker-compose-v2'],
};
// curl carries a rollback to an agent that watches its release.
const SHARED_PACKAGES = ['ca-certificates', 'curl', 'iptables', 'ufw', 'fail2ban', 'python3-systemd'];

/** Docker from the distribution, with capped logs and containers that outlive the daemon. */
export function dockerTasks(plan: HostPlan): Task[] {
  const packages = [...PACKAGES[plan.os], ...SHARED_PACKAGES, ...(plan.apparmor ? ['apparmor'] : [])].join(' ');
  return [
    {
      // Before the packages: on a bare host Docker then starts with this configuration and need not be restarted.
      id: 'daemon_config',
      reason:
        'Capped container logs do not fill the disk; live-restore keeps containers running while the daemon restarts',
      source: 'docs.docker.com/engine/daemon/live-restore and engine/logging/configure',
      check: plan.daemonJson === null ? 'true' : '[ -e "$work/daemon_written" ]',
      apply:
        plan.daemonJson === null
          ? 'true'
          : `mkdir -p /etc/docker
${placed('/etc/docker/daemon.json', '644', 'root:root', plan.daemonJson)}
if systemctl -q is-active docker 2>/dev/null; then
  # live-restore is taken over by a reload; only then does a restart spare the containers.
  systemctl reload docker
  sleep 1
  systemctl restart docker
  say 'docker restarted'
fi
touch "$work/daemon_written"`,
    },
    {
      id: 'packages',
      reason:
        'Docker with compose, the firewall and the login guard, all from the distribution and its security updates',
      source: 'docs.docker.com/engine/install; packages.debian.org',
      check: `for package in ${packages}; do
  state=$(dpkg-query -W -f '\${db:Status-Status}' "$package" 2>/dev/null)
  [ "$state" = installed ] || { echo "missing: $package"; return 1; }
done`,
      apply: `missing=
for package in ${packages}; do
  [ "$(dpkg-query -W -f '\${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
if command -v cloud-init >/dev/null 2>&1; then timeout 300 cloud-init status --wait >/dev/null 2>&1 || true; fi
# An installation that was cut off leaves packages half configured; one that runs still holds the lock.
tries=0
until dpkg --configure -a >"$work/dpkg" 2>&1; do
  if [ "$tries" -ge 300 ] || ! grep -q ' lock ' "$work/dpkg"; then cat "$work/dpkg"; return 1; fi
  tries=$(( tries + 1 ))
  sleep 1
done
apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Acquire::Languages=none update
apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold install --no-install-recommends $missing
say "installed:$missing"`,
    },
    quickRestart(),
    {
      id: 'docker_running',
      reason:
        'Docker runs now and after a reboot, in a version that the agent can drive (24 or newer, with compose v2)',
      source: 'docs.docker.com/engine/install/linux-postinstall',
      check: `systemctl -q is-enabled docker && docker info >/dev/null 2>&1 || return 1
version=$(docker version --format '{{.Server.Version}}')
[ "\${version%%.*}" -ge 24 ] || { echo "Docker $version is too old: 24 or newer is needed"; return 1; }
docker compose version --short`,
      apply: `systemctl -q enable --now docker
until_true 30 docker info`,
    },
    {
      id: 'network_edge',
      reason: 'The network on which the edge reaches the apps; it belongs to the host, not to one compose project',
      source: 'docs.docker.com/engine/network',
      check: `docker network inspect edge >/dev/null`,
      apply: `docker network create --label delivery.managed=true edge`,
    },
  ];
}

function quickRestart(): Task {
  const path = '/etc/systemd/system/docker.service.d/10-delivery.conf';
  const file = fileTask({
    id: 'docker_restart',
    reason: 'A daemon that dies is back in half a second: until then the edge cannot resolve the names of containers',
    source: 'systemd.service(5)',
    path,
    mode: '644',
    content: '# Managed by provision-vps.\n[Service]\nRestartSec=500ms\n',
    then: 'systemctl daemon-reload',
  });
  return { ...file, apply: `mkdir -p ${path.slice(0, path.lastIndexOf('/'))}\n${file.apply}` };
}
