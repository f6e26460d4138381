import { sha256 } from './shell.ts';
import { placed, type Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

interface Setting {
  /** As in sysctl.d; `*` stands for every network interface. */
  name: string;
  value: string;
  /** Stricter values that are left as they are; the kernel takes some of them back at no price. */
  alsoFine?: string;
  source: string;
}

/**
 * Docker forwards between its networks, so forwarding stays on and the check of return paths is the loose one, as on every system with
 * several routes. UFW sets some of the same to the same values.
 */
export const SYSCTL: readonly Setting[] = [
  { name: 'vm.swappiness', value: '10', source: 'kernel docs, sysctl/vm' },
  { name: 'kernel.dmesg_restrict', value: '1', source: 'kernel docs, sysctl/kernel' },
  { name: 'kernel.kptr_restrict', value: '1', alsoFine: '2', source: 'kernel docs, sysctl/kernel' },
  { name: 'kernel.randomize_va_space', value: '2', source: 'CIS 1.5.1' },
  { name: 'kernel.yama.ptrace_scope', value: '1', alsoFine: '2 3', source: 'CIS 1.5.2' },
  { name: 'kernel.unprivileged_bpf_disabled', value: '2', alsoFine: '1', source: 'kernel docs, sysctl/kernel' },
  { name: 'fs.suid_dumpable', value: '0', source: 'CIS 1.5.3' },
  { name: 'fs.protected_hardlinks', value: '1', source: 'kernel docs, sysctl/fs' },
  { name: 'fs.protected_symlinks', value: '1', source: 'kernel docs, sysctl/fs' },
  { name: 'fs.protected_fifos', value: '1', alsoFine: '2', source: 'kernel docs, sysctl/fs' },
  { name: 'fs.protected_regular', value: '2', source: 'kernel docs, sysctl/fs' },
  { name: 'net.ipv4.tcp_syncookies', value: '1', source: 'CIS 3.3.10' },
  { name: 'net.ipv4.icmp_echo_ignore_broadcasts', value: '1', source: 'CIS 3.3.4' },
  { name: 'net.ipv4.icmp_ignore_bogus_error_responses', value: '1', source: 'CIS 3.3.3' },
  // The stricter one of `all` and an interface's own counts, and a tunnel may need its own to be off.
  { name: 'net.ipv4.conf.all.rp_filter', value: '2', alsoFine: '1', source: 'CIS 3.3.7 (loose)' },
  { name: 'net.ipv4.conf.default.rp_filter', value: '2', alsoFine: '1', source: 'CIS 3.3.7 (loose)' },
  { name: 'net.ipv4.conf.*.accept_redirects', value: '0', source: 'CIS 3.3.5' },
  { name: 'net.ipv4.conf.*.send_redirects', value: '0', source: 'CIS 3.3.2' },
  { name: 'net.ipv4.conf.*.accept_source_route', value: '0', source: 'CIS 3.3.8' },
  { name: 'net.ipv6.conf.*.accept_redirects', value: '0', source: 'CIS 3.3.5' },
  { name: 'net.ipv6.conf.*.accept_source_route', value: '0', source: 'CIS 3.3.8' },
];

/**
 * The text for sysctl.d. A line that begins with a dash is no error where the kernel lacks the setting or a stricter one is locked. Files of
 * the distribution take `all` out of what `*` stands for, so that it is named.
 */
export function sysctlConfig(): string {
  const names = (name: string): string[] =>
    name.includes('*') ? ['all', 'default', '*'].map((which) => name.replace('*', which)) : [name];
  return [
    '# Managed by provision-vps.',
    ...SYSCTL.flatMap(({ name, value }) => names(name).map((each) => `-${each} = ${value}`)),
    '',
  ].join('\n');
}

/** Settings of the kernel; a container shares them with its machine. `proc` is another place in tests. */
export function kernelTask({ container }: Pick<HostPlan, 'container'>, proc = '/proc/sys'): Task {
  const path = '/etc/sysctl.d/60-delivery.conf';
  const about = {
    id: 'kernel',
    reason:
      'Kernel addresses and logs are for root, routes are not taken from strangers, floods of half-open connections do not lock others out, and memory pressure hits caches before the app',
    source: `CIS Debian 12 ${[...new Set(SYSCTL.flatMap(({ source }) => /^CIS ([\d.]+)/.exec(source)?.[1] ?? []))].join(', ')}; docs.kernel.org/admin-guide/sysctl`,
    show: `sysctl --pattern '^(${SYSCTL.map(({ name }) => name.replaceAll('.', '\\.').replace('*', '[^.]+')).join('|')})$' --all`,
  };
  if (container) return { ...about, check: "say 'shared kernel, not applied'\nreturn 77", apply: 'true' };
  const content = sysctlConfig();
  // Read from /proc: sysctl is a program to start for each.
  const values = SYSCTL.map(
    ({ name, value, alsoFine = '' }) =>
      `as_set '${proc}/${name.replaceAll('.', '/')}' '${[value, alsoFine].join(' ').trim()}'`,
  ).join(' &&\n');
  return {
    ...about,
    check: `as_set() {
  pattern=$1 allowed=$2
  for file in $pattern; do
    [ -r "$file" ] || continue
    read -r value <"$file"
    case " $allowed " in *" $value "*) ;; *) echo "$file is $value"; return 1 ;; esac
  done
}
${values} || return 1
same ${path} ${sha256(content)} 644 root:root`,
    // systemd's own program: it knows * and what it means for interfaces that are there.
    apply: `${placed(path, '644', 'root:root', content)}/usr/lib/systemd/systemd-sysctl ${path}`,
  };
}
