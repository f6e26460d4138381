import { APT_SHELL } from './apt.ts';
import type { Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

/** What keeps a clock right on the supported systems; one is enough. */
const SERVICES = ['systemd-timesyncd', 'chrony', 'chronyd', 'ntpsec', 'ntp'];

/** A clock that is kept right: certificates, signatures and logs are judged by it. */
export function clockTask({ container }: Pick<HostPlan, 'container'>): Task {
  const about = {
    id: 'clock',
    reason: 'Certificates, signatures and logs are judged by the clock',
    source: 'CIS Debian 12 2.3.1.1; systemd-timesyncd.service(8)',
    show: 'timedatectl',
  };
  if (container) return { ...about, check: "say 'shared kernel, not applied'\nreturn 77", apply: 'true' };
  return {
    ...about,
    check: `systemctl is-active ${SERVICES.join(' ')} | grep -qx active || { echo 'nothing keeps the clock'; return 1; }`,
    apply: `${APT_SHELL}
systemctl cat systemd-timesyncd.service >/dev/null 2>&1 || install_packages systemd-timesyncd
systemctl -q enable --now systemd-timesyncd
say 'systemd-timesyncd'`,
  };
}
