import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must as mustOn } from '../hosts/host.ts';
import { down, up } from '../hosts/rig.ts';
import { bundleOf, makeSigningKey, pushBundle } from '../hosts/signing.ts';
import type { SigningKey } from '../hosts/signing.ts';
import type { Rig } from '../hosts/rig.ts';
import { ROOT } from './action.ts';
import { must } from './process.ts';
import { HOST } from './stage.ts';
import type { StageFacts } from './stage.ts';

/** The name under which Traefik's image is known to the hosts, through their Docker Hub mirror. */
const TRAEFIK = { repository: 'library/traefik', tag: 'v3.6.12' };

/** Builds the agent's image on the runner from the committed bundle and pushes it; gives its reference by digest. */
async function agentImage(rig: Rig, signingKey: SigningKey): Promise<string> {
  const { host, username, password } = rig.registry;
  const repository = `${host}/delivery/agent`;
  const env = { DOCKER_CONFIG: '/tmp/agent-image' };
  await mustOn(rig.runner, ['docker', 'login', '--username', username, '--password-stdin', host], {
    env,
    input: password,
  });
  try {
    await mustOn(rig.runner, ['docker', 'build', '-q', '-t', `${repository}:test`, '/src/agent'], { env });
    await mustOn(rig.runner, ['docker', 'push', '-q', `${repository}:test`], { env });
    const digests = await mustOn(
      rig.runner,
      ['docker', 'image', 'inspect', '-f', '{{join .RepoDigests "\\n"}}', `${repository}:test`],
      { env },
    );
    const digest = digests.split('\n').find((line) => line.startsWith(`${repository}@`));
    if (digest === undefined) throw new Error(`no digest of the agent's image: ${digests}`);
    await pushBundle(rig.runner, digest, await bundleOf(digest, signingKey, 'agent'), env);
    return digest;
  } finally {
    await rig.runner.exec(['rm', '-rf', env.DOCKER_CONFIG]);
  }
}

/** Traefik by digest, as the mirror has it. */
async function edgeImage(rig: Rig): Promise<string> {
  const head = await mustOn(rig.runner, [
    ...[
      'curl',
      '-sfI',
      '-H',
      'Accept: application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json',
    ],
    ...[
      '-H',
      'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json',
    ],
    `${rig.mirror}/v2/${TRAEFIK.repository}/manifests/${TRAEFIK.tag}`,
  ]);
  const digest = /^docker-content-digest:\s*(sha256:[0-9a-f]{64})/im.exec(head)?.[1];
  if (digest === undefined) throw new Error(`the mirror gave no digest of ${TRAEFIK.repository}:\n${head}`);
  return `docker.io/${TRAEFIK.repository}@${digest}`;
}

/** Brings up registry, runner and bare VPS as one instance and writes what a Stage needs to know. Gives the file's path. */
export async function raise(instance: string, log: (line: string) => void): Promise<string> {
  const rig = await up({ instance, source: ROOT, log });
  const directory = join(rig.stateDir, 'stage');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const key = join(directory, 'deploy_key');
  await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'deploy', '-f', key]);
  const signingKey = makeSigningKey();
  const certificate = await rig.ca.issue([HOST, 'plain.test']);
  const [agent, edge] = await Promise.all([agentImage(rig, signingKey), edgeImage(rig)]);
  writeFileSync(join(directory, 'known_hosts'), rig.vps.knownHosts);
  writeFileSync(join(directory, 'ca.pem'), rig.ca.certificate);
  const facts: StageFacts = {
    directory,
    runner: { container: rig.runner.container, node: 'node', root: '/src' },
    vps: {
      container: rig.vps.container,
      host: rig.vps.name,
      port: 22,
      sshPort: rig.vps.sshPort,
      httpsPort: rig.vps.httpsPort,
      knownHosts: rig.vps.knownHosts,
      adminKey: rig.vps.adminKey,
    },
    registry: {
      container: rig.registry.container,
      host: rig.registry.host,
      username: rig.registry.username,
      password: rig.registry.password,
    },
    tls: { ca: rig.ca.certificate, certificate: certificate.certificate, key: certificate.key },
    deployKey: { private: await readFile(key, 'utf8'), public: (await readFile(`${key}.pub`, 'utf8')).trim() },
    signingKey,
    images: { agent, edge },
  };
  const file = join(directory, 'stage.json');
  writeFileSync(file, JSON.stringify(facts), { mode: 0o600 });
  return file;
}

/** Removes the instance with everything on it. */
export async function lower(instance: string): Promise<void> {
  await down(instance);
}
