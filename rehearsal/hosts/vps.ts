/** A bare server: sshd with root's key, and nothing of ours. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../standins/cache.ts';
import type { Authority } from './authority.ts';
import { containerName, ensureContainer, systemFlags } from './containers.ts';
import { testHost } from './host.ts';
import { registryTrust } from './registry.ts';
import type { State, VpsState } from './state.ts';

/** Starts a VPS of an instance. */
export async function startVps(
  state: State,
  vps: VpsState,
  authority: Authority,
  image: string,
  log: Log,
): Promise<void> {
  await ensureContainer({
    instance: state.instance,
    log,
    host: vps.name,
    image,
    flags: [
      ...systemFlags(),
      ...[
        '-p',
        `127.0.0.1:${vps.sshPort}:22`,
        '-p',
        `127.0.0.1:${vps.httpPort}:80`,
        '-p',
        `127.0.0.1:${vps.httpsPort}:443`,
      ],
    ],
    volumes: ['/var/lib/docker', '/var/lib/containerd'],
    files: registryTrust(authority),
  });
}

/** Lets root's key in and waits until sshd greets, at most 30 seconds. */
export async function vpsReady(state: State, vps: VpsState): Promise<void> {
  if (!state.admin) throw new Error('the instance has no admin key yet');
  const host = testHost(containerName(state.instance, vps.name));
  // Later runs must not open a door that provisioning may have closed since.
  const marked = await host.exec(['test', '-e', '/root/.ssh/authorized_keys']);
  if (marked.code !== 0) await host.write('/root/.ssh/authorized_keys', `${state.admin.public}\n`, 0o600);
  for (let tries = 0; tries < 150; tries += 1) {
    if (await greets(vps.sshPort)) return;
    await sleep(200);
  }
  throw new Error(`sshd of ${vps.name} did not greet within 30 s`);
}

/** True where a server on this port of 127.0.0.1 speaks first and says that it is SSH. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => finish(false));
    socket.on('data', (chunk) => finish(chunk.toString().startsWith('SSH-')));
    socket.on('error', () => finish(false));
    socket.on('close', () => resolve(false));
  });
}
