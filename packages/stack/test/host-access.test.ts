import { describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { parseCompose, renderBacking, renderColour, seal } from '@delivery/stack';
import { imageOf, IMAGES, manifestOf, RELEASE, sealSample, webFile } from './sample.ts';

type Service = Record<string, unknown>;
interface Document {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  configs: Record<string, unknown>;
}

const sealed = sealSample();
const manifest = manifestOf(sealed);

/** Renders, as the host does, a sealed text that somebody changed by hand and whose manifest they made for it. */
function renderChanged(change: (document: Document) => void): string {
  const document = parse(sealed.text) as Document;
  change(document);
  const text = stringify(document);
  return renderColour({ sealed: text, manifest, colour: 'blue' }).text + renderBacking({ sealed: text, manifest }).text;
}

const RIGHTS: [string, Service, string][] = [
  ['privileged', { privileged: true }, 'service web sets privileged'],
  ['privileged by a variable', { privileged: '${P}' }, 'service web sets privileged'],
  ["the host's processes", { pid: 'host' }, 'service web shares pid with "host"'],
  ['processes by a variable', { pid: '${P}' }, 'shares pid'],
  ["the host's memory", { ipc: 'host' }, 'service web shares ipc with "host"'],
  ["the host's users", { userns_mode: 'host' }, 'service web sets userns_mode'],
  ["the host's name", { uts: 'host' }, 'service web sets uts'],
  ['all capabilities', { cap_add: ['ALL'] }, 'cap_add "ALL"'],
  ['SYS_ADMIN', { cap_add: ['NET_BIND_SERVICE', 'cap_sys_admin'] }, 'cap_add "cap_sys_admin"'],
  ['a capability by a variable', { cap_add: ['${C}'] }, 'cap_add "${C}"'],
  ['devices', { devices: ['/dev/sda'] }, 'service web sets devices'],
  ['no seccomp', { security_opt: ['seccomp:unconfined'] }, 'security_opt "seccomp:unconfined"'],
  ["compose's own way to the socket", { use_api_socket: true }, 'sets use_api_socket'],
  ['a program of the host', { provider: { type: 'x' } }, 'sets provider'],
  ['a privileged hook', { post_start: [{ command: 'x', privileged: true }] }, 'post_start is privileged'],
];

const MOUNTS: [string, unknown, string][] = [
  ['the whole host', '/:/host', '"/" is a path of the host'],
  ['a directory of the host', '/etc:/e:ro', '"/etc" is a path of the host'],
  ['the long form', { type: 'bind', source: '/root', target: '/r' }, '"/root" is a path'],
  ['the directory of the Docker socket', '/var/run:/r', '"/var/run" is a path'],
  ['the Docker socket', '/var/run/docker.sock:/s:ro', 'a web service must not hold the Docker socket'],
  ['another app', '/opt/other/data/x:/x', 'is a path of the host'],
  ["the app's own ledger and policy", '/opt/shop:/x', 'is a path of the host'],
  ['a way out of the data directory', '/opt/shop/data/../policy.json:/x', 'is a path of the host'],
  ['a release to write to', `/opt/shop/releases/${RELEASE}/files/a:/x`, 'is a path of the host'],
  ['a volume that is a path', { type: 'volume', source: '/etc', target: '/x' }, 'is no name of a volume'],
  ['a type by a variable', { type: '${T}', source: '/', target: '/x' }, 'mounts of type "${T}"'],
  ['a path by a variable', { type: 'bind', source: '/opt/shop/data/${X}', target: '/x' }, 'is a path of the host'],
];

describe('what opens the host', () => {
  it.each(RIGHTS)('is refused where a release is sealed and on the host: %s', (_, keys, message) => {
    expect(() => parseCompose(webFile(stringify(keys)))).toThrow(message);
    expect(() => renderChanged(({ services }) => Object.assign(services['web']!, keys))).toThrow(message);
  });

  it.each(MOUNTS)('is refused as a mount where a release is sealed and on the host: %s', (_, mount, message) => {
    expect(() => parseCompose(webFile(stringify({ volumes: [mount] })))).toThrow(message);
    expect(() => renderChanged(({ services }) => (services['web']!['volumes'] = [mount]))).toThrow(message);
  });

  it.each(['worker', 'job'])('is refused for the role %s', (role) => {
    const text = (keys: string): string =>
      `x-release: { app: shop }\nservices: { a: { image: a, ${keys}, x-release: { role: ${role} } } }`;
    for (const keys of ['privileged: true', "volumes: ['/:/h']", "volumes: ['/var/run/docker.sock:/s']"])
      expect(() => parseCompose(text(keys))).toThrow('compose file: service a');
  });

  it('is refused for a backing service too, but for the socket, which a filtering proxy needs', () => {
    const change = (keys: Service) => () => renderChanged(({ services }) => Object.assign(services['mongo']!, keys));
    expect(change({ privileged: true })).toThrow('sets privileged');
    expect(change({ volumes: ['/var/run/docker.sock:/s:ro'] })).not.toThrow();
    expect(change({ volumes: ['./x:/x'] })).toThrow('is a path of the host');
  });

  it('is refused as a volume of the host', () => {
    const device = { driver_opts: { type: 'none', o: 'bind', device: '/' } };
    expect(() => parseCompose(webFile("volumes: ['v:/v']", stringify({ volumes: { v: device } })))).toThrow(
      'volumes.v.driver_opts: a volume must not be a directory or device of the host',
    );
    expect(() => renderChanged(({ volumes }) => (volumes['data'] = device))).toThrow('volumes.data.driver_opts');
    const nfs = { driver_opts: { type: 'nfs', o: 'addr=10.0.0.1', device: ':/x' } };
    expect(() => parseCompose(webFile("volumes: ['v:/v']", stringify({ volumes: { v: nfs } })))).not.toThrow();
  });

  it('is refused as a config or an env_file in a sealed text made by hand', () => {
    for (const file of ['/etc/shadow', '${F}', './../../x', `/opt/shop/releases/${RELEASE}/files/../compose.yaml`]) {
      expect(() => renderChanged(({ configs }) => (configs['conf'] = { file }))).toThrow('configs.conf');
      expect(() => renderChanged(({ services }) => (services['web']!['env_file'] = [file]))).toThrow(
        'service web.env_file',
      );
      expect(() => renderChanged(({ services }) => (services['web']!['env_file'] = file))).toThrow('env_file');
    }
  });

  it('is not what ordinary services ask for', () => {
    const keys = {
      cap_add: ['NET_BIND_SERVICE', 'CAP_IPC_LOCK'],
      cap_drop: ['ALL'],
      privileged: false,
      ipc: 'private',
      security_opt: ['no-new-privileges:true'],
      volumes: ['./conf:/c', '/opt/shop/data/up:/up', { type: 'tmpfs', target: '/t' }],
    };
    const input = { variables: {}, images: { ...IMAGES, web: imageOf('a') }, release: RELEASE };
    const once = seal({ ...input, composeText: webFile(stringify(keys)) });
    expect(() => renderColour({ sealed: once.text, manifest: manifestOf(once), colour: 'blue' })).not.toThrow();
  });
});
