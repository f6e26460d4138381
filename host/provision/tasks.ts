import { edgeTasks } from './edge.ts';
import { fail2banTasks } from './fail2ban.ts';
import { firewallTask } from './firewall.ts';
import { kernelTask } from './kernel.ts';
import { sshTask } from './ssh.ts';
import { dockerTasks } from './docker.ts';
import { accessTasks } from './access.ts';
import { appNameTask, policyTask } from './policy.ts';
import type { Task } from './task.ts';

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
  container: boolean;
  apparmor: boolean;
  /** New content of daemon.json, or null when it is right already. */
  daemonJson: string | null;
  /** Every port that sshd listens on. */
  sshPorts: readonly number[];
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
export type Profile = 'hardened' | 'minimal';
export const PROFILES: readonly Profile[] = ['hardened', 'minimal'];

export type TlsPlan = { mode: 'acme'; email: string } | { mode: 'files'; certificate: string; key: string };

/** The tasks in the order in which they must run: each may rely on the ones before it. */
export function hostTasks(plan: HostPlan): Task[] {
  return [
    appNameTask(plan.app),
    ...dockerTasks(plan),
    ...accessTasks(plan),
    ...policyTask(plan),
    ...edgeTasks(plan),
    ...(plan.profile === 'hardened' ? hardening(plan) : []),
  ];
}

/** Logins by key alone, a closed firewall, a guard on the SSH port, and a few kernel settings. */
function hardening({ sshPorts, container }: HostPlan): Task[] {
  return [sshTask(), firewallTask(sshPorts), ...fail2banTasks(sshPorts), kernelTask(container)];
}
