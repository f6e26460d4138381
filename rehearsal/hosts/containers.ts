/** Makes and removes the containers, volumes and networks of an instance. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Log } from '../standins/cache.ts';
import { attempt, run } from '../standins/command.ts';
import { cgroupVersion, maySetResources } from '../standins/machine.ts';
import { CHECKOUT_KEY, CHECKOUT_LABEL, LABEL } from './state.ts';

/** Name of the instance's network. */
export function networkName(instance: string): string {
  return `rehearsal-${instance}`;
}

/** Name of the container of one host of an instance; `vps.test` gives `rehearsal-dev-vps`. */
export function containerName(instance: string, host: string): string {
  return `rehearsal-${instance}-${host.replace(/\.test$/, '')}`;
}

function labels(instance: string): string[] {
  return ['--label', `${LABEL}=${instance}`, '--label', `${CHECKOUT_LABEL}=${CHECKOUT_KEY}`];
}

/** One container of an instance. */
export interface ContainerPlan {
  instance: string;
  log: Log;
  /** DNS name on the instance's network. */
  host: string;
  image: string;
  /** Flags of `docker create` beyond name, labels, network and volumes. */
  flags: string[];
  /** Volumes of its own, by path; they go when the instance goes. */
  volumes: string[];
  /** Files that are there before it starts, by path, and their modes. */
  files: Record<string, { content: string | Buffer; mode: number }>;
}

/** Flags under which systemd and an inner Docker run in a container of this machine. */
export function systemFlags(facts = { privileged: maySetResources(), cgroup: cgroupVersion() }): string[] {
  const flags = ['--cgroupns=private', '--tmpfs', '/run', '--tmpfs', '/run/lock', '--tmpfs', '/tmp:exec'];
  // Where the machine itself may not raise limits, --privileged asks for more than there is and fails.
  if (facts.privileged) flags.push('--privileged');
  else {
    flags.push('--cap-add', 'ALL', '--cap-drop', 'SYS_RESOURCE');
    for (const option of ['seccomp', 'apparmor', 'systempaths']) flags.push('--security-opt', `${option}=unconfined`);
  }
  if (facts.cgroup === 1) {
    flags.push('-e', 'SYSTEMD_PROC_CMDLINE=systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1');
  }
  return flags;
}

/** Makes the instance's network where it is missing. */
export async function ensureNetwork(instance: string): Promise<string> {
  const name = networkName(instance);
  if ((await attempt('docker', ['network', 'inspect', name])).code !== 0) {
    await run('docker', ['network', 'create', ...labels(instance), name]);
  }
  return name;
}

/**
 * Makes a container run: leaves a running one alone, starts a stopped one, creates a missing one.
 * One that was made from another version of its image is kept (what was deployed there would be lost) and reported.
 */
export async function ensureContainer(plan: ContainerPlan): Promise<string> {
  const name = containerName(plan.instance, plan.host);
  const state = await attempt('docker', [
    'inspect',
    '--type',
    'container',
    '--format',
    '{{.State.Running}} {{.Config.Image}}',
    name,
  ]);
  if (state.code === 0) {
    const [running, image] = state.stdout.trim().split(' ');
    if (image !== plan.image) {
      plan.log(`${name} is older than its image; take instance ${plan.instance} down and up again to renew it`);
    }
    if (running !== 'true') await run('docker', ['start', name]);
    return name;
  }
  const volumes = plan.volumes.map((path) => ({ path, name: `${name}${path.replaceAll('/', '-')}` }));
  for (const volume of volumes) await run('docker', ['volume', 'create', ...labels(plan.instance), volume.name]);
  await run('docker', [
    ...['create', '--name', name, '--hostname', plan.host.replace(/\.test$/, ''), ...labels(plan.instance)],
    ...['--network', networkName(plan.instance), '--network-alias', plan.host],
    ...volumes.flatMap((volume) => ['-v', `${volume.name}:${volume.path}`]),
    ...[...plan.flags, plan.image],
  ]);
  await copyInto(name, plan.files);
  await run('docker', ['start', name]);
  return name;
}

/** Puts files into a container that need not run. */
async function copyInto(container: string, files: ContainerPlan['files']): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'rehearsal-files-'));
  try {
    for (const [path, file] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true, mode: 0o755 });
      await writeFile(join(directory, path), file.content, { mode: file.mode });
    }
    const names = Object.keys(files).map((path) => `.${path}`);
    if (names.length === 0) return;
    const archive = join(directory, '.archive');
    await run('tar', ['-cf', archive, '--owner=0', '--group=0', ...names], { cwd: directory });
    await run('sh', ['-c', 'exec docker cp - "$1:/" < "$2"', 'copy', container, archive]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Removes one container with the volumes that ensureContainer made for it. */
export async function removeContainer(instance: string, container: string): Promise<void> {
  await attempt('docker', ['rm', '-f', '-v', container]);
  const volumes = await run('docker', [
    'volume',
    'ls',
    '-q',
    '--filter',
    `label=${LABEL}=${instance}`,
    '--filter',
    `name=${container}-`,
  ]);
  // The filter knows parts of names only: `dev-vps-` is also part of nothing else, as hosts' names have no dash.
  for (const volume of volumes.split('\n').filter((name) => name.startsWith(`${container}-`))) {
    await run('docker', ['volume', 'rm', '-f', volume]);
  }
}

/** Removes everything that carries the instance's label. */
export async function removeInstance(instance: string): Promise<void> {
  const list = async (...argv: string[]) =>
    (
      await run('docker', [
        ...argv,
        '-q',
        '--filter',
        `label=${LABEL}=${instance}`,
        '--filter',
        `label=${CHECKOUT_LABEL}=${CHECKOUT_KEY}`,
      ])
    )
      .split('\n')
      .filter((line) => line !== '');
  const containers = await list('ps', '-a');
  if (containers.length > 0) await run('docker', ['rm', '-f', '-v', ...containers]);
  const volumes = await list('volume', 'ls');
  if (volumes.length > 0) await run('docker', ['volume', 'rm', '-f', ...volumes]);
  const networks = await list('network', 'ls');
  if (networks.length > 0) await run('docker', ['network', 'rm', ...networks]);
}

/** Refuses an instance name that another checkout of this machine uses. */
export async function refuseForeign(instance: string): Promise<void> {
  const format = `{{.Label "${CHECKOUT_LABEL}"}}`;
  const owners = await run('docker', ['ps', '-a', '--filter', `label=${LABEL}=${instance}`, '--format', format]);
  if (owners.split('\n').some((owner) => owner !== '' && owner !== CHECKOUT_KEY)) {
    throw new Error(`instance ${instance} belongs to another checkout on this machine; choose another name`);
  }
}
