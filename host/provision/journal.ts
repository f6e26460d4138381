import { fileTask, type Task } from './task.ts';

const PATH = '/etc/systemd/journald.conf.d/90-delivery.conf';
const SETTINGS = [
  ['Storage', 'persistent'],
  ['SystemMaxUse', '500M'],
  ['SystemKeepFree', '1G'],
  ['RuntimeMaxUse', '100M'],
] as const;

/** A journal that outlives a reboot and cannot fill the disk. */
export function journalTask(): Task {
  const file = fileTask({
    id: 'journal',
    reason:
      'The journal outlives a reboot and takes 500 MB at most; without a cap it grows to a tenth of the disk, 4 GB at most',
    source: 'journald.conf(5); CIS Debian 12 6.1.1',
    path: PATH,
    mode: '644',
    content: [
      '# Managed by provision-vps.',
      '[Journal]',
      ...SETTINGS.map(([name, value]) => `${name}=${value}`),
      '',
    ].join('\n'),
    then: 'systemctl restart systemd-journald',
    show: 'systemd-analyze cat-config systemd/journald.conf; journalctl --disk-usage',
  });
  const effective = SETTINGS.map(
    ([name, value]) =>
      `[ "$(sed -n 's/^${name}=//p' "$work/journald" | tail -n 1)" = ${value} ] || { echo "another file of journald's configuration wins: ${name}=$(sed -n 's/^${name}=//p' "$work/journald" | tail -n 1)"; return 1; }`,
  ).join('\n');
  return {
    ...file,
    check: `${file.check} || return 1
systemd-analyze cat-config systemd/journald.conf >"$work/journald" || return 1
${effective}`,
    apply: `mkdir -p ${PATH.slice(0, PATH.lastIndexOf('/'))}\n${file.apply}`,
  };
}
