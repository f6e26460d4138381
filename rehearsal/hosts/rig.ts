/**
 * The rig: a registry, a runner and a bare VPS as containers of this machine, all of them one named instance.
 * Two instances do not collide; nothing restarts by itself.
 */
import { createHash, randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { withLock, type Log } from '../standins/cache.ts';
import { attempt } from '../standins/command.ts';
import { ensureImage, REGISTRY, RUNNER, VPS } from '../standins/images.ts';
import { ensureDocker } from '../standins/machine.ts';
import { ensureMirror, freePort } from '../standins/mirror.ts';
import { ensureAuthority, type Authority } from './authority.ts';
import {
  containerName,
  ensureNetwork,
  networkName,
  refuseForeign,
  removeContainer,
  removeInstance,
} from './containers.ts';
import { must, testHost, type TestHost } from './host.ts';
import { MIRROR, registryReady, startRegistry, USERNAME } from './registry.ts';
import { makeKey, runnerReady, startRunner } from './runner.ts';
import {
  CHECKOUT_KEY,
  checkInstance,
  readState,
  removeState,
  stateDirectory,
  writeState,
  type State,
  type VpsState,
} from './state.ts';
import { startVps, vpsReady } from './vps.ts';

export type { ExecOptions, ExecResult, TestHost } from './host.ts';

/** A bare server. The ports are published on 127.0.0.1 of the machine. */
export interface Vps extends TestHost {
  /** DNS name on the instance's network, such as `vps.test`. */
  name: string;
  sshPort: number;
  httpPort: number;
  httpsPort: number;
  /** Lines for known_hosts under its DNS name and port 22, as the runner sees it. */
  knownHosts: string;
  /** `SHA256:…` of its ed25519 host key. */
  hostFingerprint: string;
  /** root's private key, in OpenSSH's format. */
  adminKey: string;
}

export interface Rig {
  instance: string;
  /** Holds keys; mode 0700. */
  stateDir: string;
  /** Name of the Docker network. */
  network: string;
  registry: {
    /** As the hosts see it: `registry.test:5000`, TLS by the instance's authority. */
    host: string;
    username: string;
    password: string;
    container: string;
    /** The same registry on 127.0.0.1 of the machine. */
    port: number;
  };
  /** Address of the Docker Hub mirror, as the hosts see it. */
  mirror: string;
  runner: TestHost;
  vps: Vps;
  /** PEM; every host of the instance that needs it trusts it. */
  ca: Authority;
}

export interface UpOptions {
  instance: string;
  /** The checkout that the runner sees at /src, read-only. */
  source: string;
  log?: Log;
  /** The port of 127.0.0.1 for the VPS's HTTPS; a free one where none is given. Counts when the VPS is made. */
  httpsPort?: number;
}

async function freshVps(name: string, httpsPort?: number): Promise<VpsState> {
  return { name, sshPort: await freePort(), httpPort: await freePort(), httpsPort: httpsPort ?? (await freePort()) };
}

/** The VPS that a state describes, with the host keys that it has now. */
async function describeVps(state: State, vps: VpsState): Promise<Vps> {
  if (!state.admin) throw new Error(`instance ${state.instance} has no admin key; bring it up again`);
  const host = testHost(containerName(state.instance, vps.name));
  const keys = (await must(host, ['sh', '-c', 'cat /etc/ssh/ssh_host_*_key.pub']))
    .split('\n')
    .map((line) => line.split(' ').slice(0, 2));
  const ed25519 = keys.find(([type]) => type === 'ssh-ed25519')?.[1];
  if (ed25519 === undefined) throw new Error(`${vps.name} has no ed25519 host key`);
  const digest = createHash('sha256').update(Buffer.from(ed25519, 'base64')).digest('base64').replace(/=+$/, '');
  return {
    ...host,
    ...vps,
    knownHosts: `${keys.map(([type, key]) => `${vps.name} ${type} ${key}`).join('\n')}\n`,
    hostFingerprint: `SHA256:${digest}`,
    adminKey: state.admin.private,
  };
}

async function describe(state: State): Promise<Rig> {
  const [first] = state.vps;
  if (!first) throw new Error(`the state of instance ${state.instance} names no VPS`);
  const directory = stateDirectory(state.instance);
  return {
    instance: state.instance,
    stateDir: directory,
    network: networkName(state.instance),
    registry: {
      host: 'registry.test:5000',
      username: state.registry.username,
      password: state.registry.password,
      container: containerName(state.instance, 'registry.test'),
      port: state.registry.port,
    },
    mirror: MIRROR,
    runner: testHost(containerName(state.instance, 'runner.test')),
    vps: await describeVps(state, first),
    ca: await ensureAuthority(directory),
  };
}

function lockName(instance: string): string {
  return `instance-${CHECKOUT_KEY}-${instance}`;
}

/** Brings an instance up, or attaches to it where it is up already. Everything answers when this returns. */
export async function up(options: UpOptions): Promise<Rig> {
  const { instance, log = () => undefined } = options;
  checkInstance(instance);
  const source = resolve(options.source);
  await ensureDocker(log);
  return withLock(lockName(instance), async () => {
    await refuseForeign(instance);
    let state = await readState(instance);
    if (state && state.source !== source) {
      throw new Error(
        `instance ${instance} is up with another source at /src; take it down first, or choose another name`,
      );
    }
    if (!state) {
      // What is left of an instance whose state is gone cannot be used: its keys are gone too.
      await removeInstance(instance);
      const registry = { port: await freePort(), username: USERNAME, password: randomBytes(18).toString('base64url') };
      state = { instance, source, registry, admin: null, vps: [await freshVps('vps.test', options.httpsPort)] };
      await writeState(state);
    }
    const [images, authority] = await Promise.all([
      Promise.all([ensureImage(REGISTRY, log), ensureImage(RUNNER, log), ensureImage(VPS, log), ensureMirror(log)]),
      ensureAuthority(stateDirectory(instance)),
      ensureNetwork(instance),
    ]);
    const [registryImage, runnerImage, vpsImage, mirror] = images;
    log('starting registry, runner and VPS');
    const [runner] = await Promise.all([
      startRunner(state, authority, runnerImage, log),
      startRegistry(state, authority, registryImage, mirror, log),
      ...state.vps.map((vps) => startVps(state, vps, authority, vpsImage, log)),
    ]);
    if (!state.admin) {
      state.admin = await makeKey(runner);
      await writeState(state);
    }
    await Promise.all([
      runnerReady(runner, authority),
      registryReady(runner),
      ...state.vps.map((vps) => vpsReady(state, vps)),
    ]);
    log(`instance ${instance} is up`);
    return describe(state);
  });
}

/** Gives an instance that is up; null where it is not, or not wholly. */
export async function attach(instance: string): Promise<Rig | null> {
  const state = await readState(instance);
  if (!state) return null;
  const names = ['registry.test', 'runner.test', ...state.vps.map((vps) => vps.name)].map((host) =>
    containerName(instance, host),
  );
  const running = await attempt('docker', [
    'inspect',
    '--type',
    'container',
    '--format',
    '{{.State.Running}}',
    ...names,
  ]);
  if (running.code !== 0 || running.stdout.includes('false')) return null;
  return describe(state);
}

/** Adds another bare VPS to an instance; its name is its DNS name and ends in `.test`. */
export async function addVps(rig: Rig, name: string): Promise<Vps> {
  if (!/^[a-z][a-z0-9]{0,20}\.test$/.test(name) || ['registry.test', 'runner.test'].includes(name)) {
    throw new Error(
      `the VPS's name is ${JSON.stringify(name)}; allowed are a-z and 0-9 followed by .test, and neither registry.test nor runner.test`,
    );
  }
  const image = await ensureImage(VPS, () => undefined);
  return withLock(lockName(rig.instance), async () => {
    const state = await readState(rig.instance);
    if (!state) throw new Error(`instance ${rig.instance} is not up`);
    let vps = state.vps.find((candidate) => candidate.name === name);
    if (!vps) {
      vps = await freshVps(name);
      state.vps.push(vps);
      await writeState(state);
    }
    await startVps(state, vps, rig.ca, image, () => undefined);
    await vpsReady(state, vps);
    return describeVps(state, vps);
  });
}

/** Removes a VPS that addVps made, with its volumes. */
export async function removeVps(vps: Vps): Promise<void> {
  const instance = vps.container.slice('rehearsal-'.length, -(vps.name.replace(/\.test$/, '').length + 1));
  await withLock(lockName(instance), async () => {
    await removeContainer(instance, vps.container);
    const state = await readState(instance);
    if (!state) return;
    state.vps = state.vps.filter((candidate) => candidate.name !== vps.name);
    await writeState(state);
  });
}

/** Removes an instance: its containers, volumes, network and state. Images and the mirror stay for the next one. */
export async function down(instance: string): Promise<void> {
  checkInstance(instance);
  await ensureDocker();
  await withLock(lockName(instance), async () => {
    await removeInstance(instance);
    await removeState(instance);
  });
}
