import { SYSCTL } from '../host/provision/kernel.ts';
import { sshdSettings } from '../host/provision/ssh.ts';
import type { Task } from '../host/provision/task.ts';
import { taskGroups, type HostPlan } from '../host/provision/tasks.ts';

/** A host on which every task applies: an app "shop", an admin user, a moved SSH port, little memory, Docker's own packages. */
const EXAMPLE: HostPlan = {
  ...{ profile: 'hardened', app: 'shop', repository: 'ghcr.io/owner/repo' },
  ...{ os: 'debian', codename: 'trixie', dockerFrom: 'docker', container: false, apparmor: true },
  ...{ memoryKiB: 2_000_000, daemonJson: '{}', sshPorts: [2222] },
  ssh: {
    admin: { user: 'admin', key: 'ssh-ed25519 AAAA' },
    ...{ port: 2222, socket: false, revertSeconds: 120 },
  },
  ...{ deployUser: 'deploy', deployKey: 'ssh-ed25519 AAAA' },
  ...{ agentImage: `ghcr.io/owner/agent@sha256:${'0'.repeat(64)}`, edgeImage: 'traefik:v3' },
  registry: null,
  tls: { mode: 'files', certificate: '', key: '' },
};

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;

function row({ id, reason, source, show }: Task): string {
  if (show === undefined) throw new Error(`the task ${id} does not say which command shows it`);
  return `| ${code(id)} | ${reason.replaceAll('|', '\\|')} | ${source} | ${code(show)} |`;
}

/** Every task of the hardened profile, by topic: what docs/hardening.md lists. @throws Error for one without a command that shows it */
export function tasksTables(): string {
  const topics = new Map<string, Task[]>();
  for (const { topic, tasks } of taskGroups(EXAMPLE)) topics.set(topic, [...(topics.get(topic) ?? []), ...tasks]);
  return [...topics]
    .map(([topic, tasks]) =>
      [
        ...[`## ${topic}`, '', '| task | why | source | shown by |', '| --- | --- | --- | --- |'],
        ...tasks.map(row),
      ].join('\n'),
    )
    .join('\n\n');
}

/** Each setting of the kernel. */
export function sysctlTable(): string {
  return [
    ...['| setting | value | left as it is | source |', '| --- | --- | --- | --- |'],
    ...SYSCTL.map(
      ({ name, value, alsoFine = '', source }) =>
        `| ${code(name)} | ${value} | ${alsoFine.replaceAll(' ', ', ')} | ${source.replace(/^CIS/, 'CIS Debian 12')} |`,
    ),
  ].join('\n');
}

/** Each setting of sshd. */
export function sshdTable(): string {
  return [
    ...['| setting | value | why | source |', '| --- | --- | --- | --- |'],
    ...sshdSettings(EXAMPLE.ssh).map(
      ({ name, value, reason, source }) => `| ${code(name)} | ${value} | ${reason} | ${source} |`,
    ),
  ].join('\n');
}
