/** The machine that Ansible is run on: in an instance's network, with ansible-core, Node and the checkout at /src. */
import type { Log } from '../standins/cache.ts';
import { ANSIBLE, ANSIBLE_COLLECTIONS, ensureImage } from '../standins/images.ts';
import { ensureContainer } from './containers.ts';
import { testHost, type TestHost } from './host.ts';
import type { Rig, Vps } from './rig.ts';
import { CHECKOUT } from './state.ts';

/** Starts the controller of an instance; `collections` for playbooks that rely on more than ansible-core. It goes with the instance. */
export async function startController(
  { instance }: Pick<Rig, 'instance'>,
  { collections = false, log = () => undefined }: { collections?: boolean; log?: Log } = {},
): Promise<TestHost> {
  const container = await ensureContainer({
    instance,
    log,
    host: collections ? 'bench.test' : 'controller.test',
    image: await ensureImage(collections ? ANSIBLE_COLLECTIONS : ANSIBLE, log),
    flags: ['--init', '-v', `${CHECKOUT}:/src:ro`],
    volumes: [],
    files: {},
  });
  return testHost(container);
}

/** Gives the controller what it needs to reach a host: its pinned keys, the admin's key, and a line of the inventory. */
export async function knowHost(controller: TestHost, vps: Vps): Promise<void> {
  await controller.write(`/root/${vps.name}/key`, vps.adminKey, 0o600);
  await controller.write(`/root/${vps.name}/known_hosts`, vps.knownHosts);
  await controller.write(`/root/${vps.name}/inventory.ini`, inventory(vps));
}

function inventory({ name }: Vps): string {
  const options = `-o UserKnownHostsFile=/root/${name}/known_hosts -o StrictHostKeyChecking=yes`;
  return `[vps_servers]
the-vps ansible_host=${name} ansible_ssh_private_key_file=/root/${name}/key ansible_ssh_common_args='${options}'
`;
}
