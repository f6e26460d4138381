import { posix } from 'node:path';
import { ContractError } from '@delivery/release';
import { isObject, section } from './document.ts';
import { parseMount } from './mounts.ts';
import { hostPaths } from './paths.ts';
import type { ComposeObject, StackService } from './types.ts';

/** What opens the host to a container, or makes compose itself do something on the host, whatever its value. */
const REFUSED: Record<string, string> = {
  cgroup: 'a control group of its own is the rule',
  cgroup_parent: 'the release runs in the control group of Docker',
  credential_spec: 'it is not supported',
  device_cgroup_rules: 'a release has no devices of the host',
  devices: 'a release has no devices of the host',
  gpus: 'a release has no devices of the host',
  label_file: 'it is not supported; use labels',
  provider: 'compose would start a program of the host for it',
  runtime: 'the host chooses the runtime',
  use_api_socket: 'it is the Docker socket',
  userns_mode: 'the release stays in the user namespace that the host gives it',
  uts: 'the release has host names of its own',
};

/** Docker's own set, and what databases and network programs ask for; each of them stays inside of the container. */
const CAPABILITIES =
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID IPC_LOCK KILL MKNOD NET_ADMIN NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT SYS_NICE'.split(
    ' ',
  );

/** File systems that a volume's `driver_opts` may name together with a device: none of them is a directory or disk of the host. */
const FOREIGN_FILE_SYSTEMS = ['nfs', 'nfs4', 'cifs', 'tmpfs'];

/**
 * Refuses what would give a release's containers the host. Runs where a release is sealed and again on the host before it is rendered,
 * so that a sealed file made by hand does not get around it. `sealed`: every path in the text must be one that sealing gives.
 * A `$` where a value decides is refused too: the host would fill it in only after this check. Throws ContractError `compose` or `path`.
 */
export function checkHostAccess(
  app: string,
  services: Record<string, StackService>,
  document: ComposeObject,
  sealed: boolean,
): void {
  for (const service of Object.values(services)) {
    if (service.release.role === 'edge') continue;
    checkRights(service);
    checkMounts(app, service, sealed);
    if (sealed) checkEnvFiles(app, service);
  }
  for (const [name, { driver_opts: options }] of Object.entries(section(document, 'volumes'))) {
    if (options === undefined || options === null) continue;
    const at = `volumes.${name}.driver_opts`;
    if (!isObject(options)) throw refused(`${at} is not a mapping`);
    if ('device' in options && !FOREIGN_FILE_SYSTEMS.includes(String(options['type'])))
      throw refused(`${at}: a volume must not be a directory or device of the host`);
  }
  if (!sealed) return;
  for (const key of ['configs', 'secrets']) {
    for (const [name, { file }] of Object.entries(section(document, key))) {
      if (file !== undefined && !isPacked(app, file)) throw outside(app, `${key}.${name}`, file);
    }
  }
}

function checkRights({ name, compose }: StackService): void {
  const at = `service ${name}`;
  for (const [key, reason] of Object.entries(REFUSED)) {
    if (key in compose) throw refused(`${at} sets ${key}: ${reason}`);
  }
  if (isOn(compose['privileged'])) throw refused(`${at} sets privileged: it would be root on the host`);
  for (const [key, allowed] of [
    ['pid', []],
    ['ipc', ['none', 'private']],
  ] as [string, string[]][]) {
    const value = compose[key] ?? '';
    if (value !== '' && !(typeof value === 'string' && allowed.includes(value)))
      throw refused(`${at} shares ${key} with ${JSON.stringify(value)}`);
  }
  for (const capability of list(compose['cap_add'], `${at}: cap_add`)) {
    if (!CAPABILITIES.includes(String(capability).toUpperCase().replace(/^CAP_/, '')))
      throw refused(`${at}: cap_add ${JSON.stringify(capability)} (allowed: ${CAPABILITIES.join(', ')})`);
  }
  for (const option of list(compose['security_opt'], `${at}: security_opt`)) {
    if (typeof option !== 'string' || !/^no-new-privileges([:=]true)?$/.test(option))
      throw refused(`${at}: security_opt ${JSON.stringify(option)} (allowed: no-new-privileges:true)`);
  }
  for (const key of ['post_start', 'pre_stop']) {
    for (const hook of list(compose[key], `${at}: ${key}`)) {
      if (!isObject(hook) || isOn(hook['privileged'])) throw refused(`${at}: ${key} is privileged`);
    }
  }
}

function checkMounts(app: string, { name, release, compose }: StackService, sealed: boolean): void {
  const at = `service ${name}`;
  for (const [index, entry] of list(compose['volumes'], `${at}: volumes`).entries()) {
    const where = `${at}.volumes[${index}]`;
    const mount = parseMount(entry, `compose file: ${where}`);
    const { type, source = '' } = mount;
    if (type === 'tmpfs') continue;
    if (type === 'volume') {
      if (/^[./~]|\$/.test(source)) throw refused(`${where}: ${JSON.stringify(source)} is no name of a volume`);
      continue;
    }
    if (type !== 'bind')
      throw refused(`${where}: mounts of type ${JSON.stringify(type)} are not supported (bind, volume, tmpfs)`);
    if (release.role !== 'backing' && /(^|\/)docker\.sock$/.test(posix.normalize(source))) {
      throw refused(
        `${where}: a ${release.role} service must not hold the Docker socket; put a filtering proxy (role backing) before it`,
      );
    }
    // A path that is not absolute is packed by sealing, which checks it. In a sealed text there is none.
    if (!source.startsWith('/') && !sealed) continue;
    if (release.role === 'backing' && source.startsWith('/')) continue;
    const packed = isPacked(app, source) && mount['read_only'] === true;
    if (!packed && !isBelow(`${hostPaths.data(app)}/`, source)) throw outside(app, where, source);
  }
}

function checkEnvFiles(app: string, { name, compose }: StackService): void {
  const value = compose['env_file'];
  for (const entry of Array.isArray(value) ? (value as unknown[]) : [value ?? []].flat()) {
    const path = isObject(entry) ? entry['path'] : entry;
    if (path !== hostPaths.envFile(app) && !isPacked(app, path)) throw outside(app, `service ${name}.env_file`, path);
  }
}

/** Whether a path is one of a release's packed files: `/opt/<app>/releases/<id>/files/...`. */
function isPacked(app: string, path: unknown): boolean {
  return isBelow(`${hostPaths.releases(app)}/`, path) && /^\/[^/]+\/[^/]+\/[^/]+\/[^/]+\/files\/./.test(path);
}

function isBelow(directory: string, path: unknown): path is string {
  return (
    typeof path === 'string' && path.startsWith(directory) && !path.includes('$') && posix.normalize(path) === path
  );
}

/** A flag that is not plainly off; `${...}` could become true on the host. */
function isOn(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 'false';
}

function list(value: unknown, where: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw refused(`${where} is not a list`);
  return value;
}

function outside(app: string, where: string, path: unknown): ContractError {
  return refused(
    `${where}: ${JSON.stringify(path)} is a path of the host; a release has its own files (relative paths, read-only), named volumes and ${hostPaths.data(app)}/...`,
  );
}

function refused(message: string): ContractError {
  return new ContractError('compose', `compose file: ${message}`);
}
