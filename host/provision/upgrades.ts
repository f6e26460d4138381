import { fileTask, type Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

const PATH = '/etc/apt/apt.conf.d/52delivery';

/**
 * Where security fixes come from. Ubuntu's release pocket never changes, but a fix may need a package of it that is not there yet.
 * Docker's own repository is in neither list: new major versions come through it as fixes do, and containers live through an upgrade of the
 * daemon only within one (docs.docker.com/engine/daemon/live-restore). There the operator says when.
 */
const ORIGINS = {
  debian: ['origin=Debian,codename=${distro_codename}-security,label=Debian-Security'],
  ubuntu: [
    'origin=Ubuntu,archive=${distro_codename},label=Ubuntu',
    'origin=Ubuntu,archive=${distro_codename}-security,label=Ubuntu',
    'origin=UbuntuESMApps,archive=${distro_codename}-apps-security',
    'origin=UbuntuESM,archive=${distro_codename}-infra-security',
  ],
};

/** What must be so whichever file says it; the file's name sorts after those of the packages (20auto-upgrades, 50unattended-upgrades). */
const SETTINGS = [
  ['APT::Periodic::Update-Package-Lists', '1'],
  ['APT::Periodic::Unattended-Upgrade', '1'],
  ['APT::Periodic::AutocleanInterval', '7'],
  ['Unattended-Upgrade::Automatic-Reboot', 'false'],
  ['Unattended-Upgrade::Remove-Unused-Dependencies', 'false'],
  ['Unattended-Upgrade::Remove-New-Unused-Dependencies', 'false'],
  // Kernels that are not booted any more would fill /boot, and then no upgrade succeeds.
  ['Unattended-Upgrade::Remove-Unused-Kernel-Packages', 'true'],
  ['Unattended-Upgrade::MinimalSteps', 'true'],
] as const;

/** The text of apt's configuration for upgrades that nobody watches. */
export function upgradesConfig(os: HostPlan['os']): string {
  return [
    '// Managed by provision-vps.',
    '#clear Unattended-Upgrade::Allowed-Origins;',
    '#clear Unattended-Upgrade::Origins-Pattern;',
    'Unattended-Upgrade::Origins-Pattern {',
    ...ORIGINS[os].map((origin) => `  "${origin}";`),
    '};',
    ...SETTINGS.map(([name, value]) => `${name} "${value}";`),
    '',
  ].join('\n');
}

/** Security updates come by themselves, without a reboot, and leave containers running. */
export function upgradeTasks({ os, container }: Pick<HostPlan, 'os' | 'container'>): Task[] {
  const file = fileTask({
    id: 'upgrades',
    reason:
      'Security fixes of the distribution come daily; no reboot and no removal takes the site down, and live-restore keeps containers running while Docker is upgraded',
    source: 'CIS Debian 12 1.2.2.1; wiki.debian.org/UnattendedUpgrades; docs.docker.com/engine/daemon/live-restore',
    path: PATH,
    mode: '644',
    content: upgradesConfig(os),
    show: "apt-config dump | grep -E '^(APT::Periodic|Unattended-Upgrade)::'",
  });
  const effective = SETTINGS.map(
    ([name, value]) =>
      `grep -qxF '${name} "${value}";' "$work/apt" || { echo "another file of apt's configuration wins: $(grep -F '${name} ' "$work/apt")"; return 1; }`,
  ).join('\n');
  const timers = 'apt-daily.timer apt-daily-upgrade.timer';
  return [
    { ...file, check: `${file.check} || return 1\napt-config dump >"$work/apt"\n${effective}` },
    {
      id: 'upgrades_timers',
      reason: 'The timers that start the upgrades run now and after a reboot',
      source: 'wiki.debian.org/UnattendedUpgrades; systemd.timer(5)',
      show: 'systemctl list-timers apt-daily.timer apt-daily-upgrade.timer',
      // Somebody masked them on purpose where the host is a container: its image, or its machine, is what is upgraded.
      check: `${container ? `[ "$(systemctl is-enabled apt-daily.timer 2>/dev/null)" != masked ] || { say 'masked in this container, left so'; return 77; }\n` : ''}[ "$(systemctl is-enabled ${timers} | tr '\\n' ' ')" = 'enabled enabled ' ] && [ "$(systemctl is-active ${timers} | tr '\\n' ' ')" = 'active active ' ]`,
      apply: `systemctl -q unmask ${timers}\nsystemctl -q enable --now ${timers}`,
    },
  ];
}
