import { adminTasks } from './admin.ts';
import { dockerUserTask } from './docker-user.ts';
import { edgeTasks } from './edge.ts';
import { fail2banTask, jailTask } from './fail2ban.ts';
import { firewallTask } from './firewall.ts';
import { clockTask } from './clock.ts';
import { journalTask } from './journal.ts';
import { kernelTask } from './kernel.ts';
import type { DockerSource } from './packages.ts';
import type { OpenPort } from './ports.ts';
import { sshTask, type SshPlan } from './ssh.ts';
import { revertTask } from './ssh-revert.ts';
import { dockerTasks, networkTask } from './docker.ts';
import { accessTasks } from './access.ts';
import { appNameTask, policyTask } from './policy.ts';
import { swapTask } from './swap.ts';
import type { Task } from './task.ts';
import { upgradeTasks } from './upgrades.ts';

/** The edge that this version was tested with. */
export const DEFAULT_EDGE_IMAGE = 'traefik:v3.6.12';

/** Everything that a host is prepared with; validated by the caller. */
export interface HostPlan {
  profile: Profile;
  app: string;
  /** Prefix `<host[:port]/path>` of what may be deployed; null leaves what the host says about it. */
  repository: string | null;
  /** Who must have signed a release: the `signatures` of policy.json; null or absent asks for none. */
  signatures?: object | null;
  /** The deploy key may run one-off commands in the live release. */
  allowRun?: boolean;
  os: 'debian' | 'ubuntu';
  /** Name of the system's release, as its package sources have it. */
  codename: string;
  /** Whose Docker the host has or gets. */
  dockerFrom: DockerSource;
  container: boolean;
  apparmor: boolean;
  memoryKiB: number;
  /** New content of daemon.json, or null when it is right already. */
  daemonJson: string | null;
  /** Every port that sshd listens on, or is about to: the firewall lets them in and the guard watches them. */
  sshPorts: readonly number[];
  ssh: SshPlan;
  /** What the world may reach beyond SSH and the edge. */
  openPorts?: readonly OpenPort[];
  deployUser: string;
  /** `<type> <base64>`, without a comment. */
  deployKey: string;
  /** `<repository>@sha256:<hex>` */
  agentImage: string;
  edgeImage: string;
  /** For pulling the two images; null for public ones. */
  registry: { host: string; username: string; password: string } | null;
  tls: TlsPlan;
  /** The ACME address that the edge has already, where other apps of the host may need it. */
  acmeOfOthers?: string | null;
}

/** `hardened` makes a server of our own; `minimal` adds launcher, agent and edge to one that somebody else keeps. */
export const PROFILES = ['hardened', 'minimal'] as const;
export type Profile = (typeof PROFILES)[number];

export type TlsPlan = { mode: 'acme'; email: string } | { mode: 'files'; certificate: string; key: string };

/** Tasks that belong together, for the reader of the docs. */
export interface TaskGroup {
  topic: string;
  tasks: Task[];
}

/** The tasks in the order in which they must run: each may rely on the ones before it. */
export function hostTasks(plan: HostPlan): Task[] {
  return taskGroups(plan).flatMap(({ tasks }) => tasks);
}

/** The same by topic. */
export function taskGroups(plan: HostPlan): TaskGroup[] {
  return [
    {
      topic: 'Packages and Docker',
      // Docker, its packages and its configuration are somebody else's on a server that somebody else keeps.
      tasks: [
        appNameTask(plan.app),
        ...(plan.profile === 'hardened'
          ? [jailTask(plan.sshPorts, plan.ssh.admin.user), ...dockerTasks(plan)]
          : [networkTask()]),
      ],
    },
    { topic: 'Who may release what', tasks: [...accessTasks(plan), ...policyTask(plan)] },
    { topic: 'Agent and edge', tasks: edgeTasks(plan) },
    ...(plan.profile === 'hardened' ? hardening(plan) : []),
  ];
}

/** Logins by key alone, a closed firewall that Docker does not bypass, a guard on the SSH port, and a system that looks after itself. */
function hardening(plan: HostPlan): TaskGroup[] {
  const { ssh, sshPorts, openPorts } = plan;
  return [
    { topic: 'SSH', tasks: [revertTask(), ...adminTasks(ssh.admin), sshTask(ssh, plan.deployUser)] },
    {
      topic: 'Firewall',
      tasks: [firewallTask(sshPorts, openPorts), dockerUserTask(openPorts)],
    },
    { topic: 'Login guard', tasks: [fail2banTask()] },
    {
      topic: 'System',
      tasks: [...upgradeTasks(plan), clockTask(plan), journalTask(), swapTask(plan), kernelTask(plan)],
    },
  ];
}
