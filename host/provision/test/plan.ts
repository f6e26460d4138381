import type { HostPlan } from '../tasks.ts';

/** The plan of a plain server of our own; a test says in its copy only what it is about. */
export const PLAN: HostPlan = {
  profile: 'hardened',
  app: 'shop',
  repository: null,
  os: 'debian',
  codename: 'trixie',
  dockerFrom: 'distribution',
  container: false,
  apparmor: true,
  memoryKiB: 2_000_000,
  daemonJson: null,
  sshPorts: [22],
  ssh: { admin: { user: 'root', key: null }, port: null, socket: false, revertSeconds: 120 },
  deployUser: 'deploy',
  deployKey: 'ssh-ed25519 AAAA',
  agentImage: `registry.example/agent@sha256:${'a'.repeat(64)}`,
  edgeImage: 'traefik:v3.6.12',
  registry: null,
  tls: { mode: 'acme', email: 'me@example.org' },
};
