import { sha256 } from './shell.ts';
import { placed, type Task } from './task.ts';

const SYSCTL = [
  ['vm.swappiness', '10'],
  ['kernel.dmesg_restrict', '1'],
  ['kernel.kptr_restrict', '1'],
] as const;

/** Settings of the kernel; a container shares them with its machine. */
export function kernelTask(container: boolean): Task {
  const path = '/etc/sysctl.d/60-delivery.conf';
  const content = ['# Managed by provision-vps.', ...SYSCTL.map(([name, value]) => `${name} = ${value}`), ''].join(
    '\n',
  );
  const reason = 'Memory pressure hits caches before the app; kernel addresses and logs are for root';
  const source = 'CIS Debian 12 1.5; sysctl.d(5)';
  if (container)
    return { id: 'kernel', reason, source, check: "say 'shared kernel, not applied'; return 77", apply: 'true' };
  const values = SYSCTL.map(([name, value]) => `[ "$(sysctl -n ${name})" = ${value} ]`).join(' && ');
  return {
    id: 'kernel',
    reason,
    source,
    check: `same ${path} ${sha256(content)} 644 root:root && ${values}`,
    apply: `${placed(path, '644', 'root:root', content)}sysctl -q -p ${path}`,
  };
}
