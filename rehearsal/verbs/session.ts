/** A rehearsal on a rig that is up: the clone on its runner, what GitHub would keep for it, and the host's own word. */
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { must } from '../hosts/host.ts';
import { makeKey } from '../hosts/runner.ts';
import type { Rig } from '../hosts/rig.ts';
import { makeSigningKey } from '../hosts/signing.ts';
import type { SigningKey } from '../hosts/signing.ts';
import type { Call } from '../github/server.ts';
import { CLONE, REPOSITORY } from './replay.ts';
import type { Settings } from './replay.ts';
import type { Site } from './site.ts';
import { packSource } from './source.ts';

export const APP = 'brainbytes';
export const APP_HOST = 'brainbytes.localhost';
export const API_HOST = 'api.brainbytes.localhost';

const PRIVATE = '/srv/rehearsal/private';
const CALLS = '/srv/rehearsal/github-calls.jsonl';
const GITHUB_PORT = 8089;
const GITHUB_UNIT = 'rehearsal-github';

/** What a rehearsal remembers beside the rig's own state; holds keys. */
interface Memory {
  deployKey: { private: string; public: string };
  appKey: string;
  signingKey: SigningKey;
  githubToken: string;
  tls: { certificate: string; key: string };
  runs: number;
}

/** The launcher's `status` document, as far as the rehearsal reads it. */
export interface HostStatus {
  v: number;
  app: string;
  running: { release: string; digest: string; colour: string; since: string } | null;
  previous: { release: string } | null;
  operation: { id: string } | null;
  ledger: { outcome: string; release: string; error?: { step?: string; code?: string; message?: string } }[];
  receipt: Record<string, unknown> | null;
}

export interface Session {
  rig: Rig;
  site: Site;
  settings: Settings;
  /** Number of the next run; each number is given once. */
  nextRun(): Promise<number>;
}

/** Gives the session of a rig; makes what is missing (keys, certificate, tokens) on the first time. */
export async function openSession(rig: Rig): Promise<Session> {
  const file = join(rig.stateDir, 'rehearsal.json');
  let memory = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Memory,
    () => null,
  );
  const save = async (value: Memory): Promise<void> => {
    await writeFile(`${file}.partial`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
    await rename(`${file}.partial`, file);
  };
  if (memory === null) {
    memory = {
      deployKey: await makeKey(rig.runner),
      signingKey: makeSigningKey(),
      appKey: randomBytes(32).toString('base64url'),
      githubToken: `ghs_${randomBytes(24).toString('hex')}`,
      tls: await rig.ca.issue([APP_HOST, API_HOST]),
      runs: 0,
    };
    await save(memory);
  }
  const kept = memory;
  return {
    rig,
    site: { host: APP_HOST, port: rig.vps.httpsPort, ca: rig.ca.certificate },
    settings: await settingsOf(rig, kept),
    async nextRun() {
      kept.runs += 1;
      await save(kept);
      return kept.runs;
    },
  };
}

async function settingsOf(rig: Rig, memory: Memory): Promise<Settings> {
  const [vpsAddress] = (await must(rig.runner, ['getent', 'ahostsv4', rig.vps.name])).split(/\s/);
  return {
    secrets: {
      APP_KEY: memory.appKey,
      GH_PAT: rig.registry.password,
      SIGNING_KEY: memory.signingKey.private,
      SSH_PRIVATE_KEY: memory.deployKey.private,
      ADMIN_SSH_PRIVATE_KEY: rig.vps.adminKey,
      VPS_HOST: rig.vps.name,
      TLS_CERTIFICATE: memory.tls.certificate,
      TLS_KEY: memory.tls.key,
    },
    variables: {
      APP_HOST,
      API_HOST,
      REGISTRY: rig.registry.host,
      REPOSITORY,
      REGISTRY_USERNAME: rig.registry.username,
      SSH_KNOWN_HOSTS: rig.vps.knownHosts,
      DEPLOY_PUBLIC_KEY: memory.deployKey.public,
      SIGNING_PUBLIC_KEY: memory.signingKey.public,
      // act names no workflow in GITHUB_WORKFLOW_REF: repository and branch are what can be asked for here.
      SIGNING_IDENTITY: `${REPOSITORY}/*@refs/heads/main`,
      TLS: 'files',
      // The server is as large as the machine that it is on.
      ALLOW_SMALL_HOST: 'true',
      CA_CERTIFICATE: rig.ca.certificate,
      RESOLVE: `${APP_HOST}:443:${vpsAddress ?? ''}`,
      BUILD_SECRETS: 'ca=/etc/delivery/machine-ca.pem\nnpmrc=/root/.npmrc\n',
    },
    apiUrl: `http://127.0.0.1:${GITHUB_PORT}`,
    githubToken: memory.githubToken,
  };
}

/** Puts a clone of the checkout on the runner, in place of the one before, and starts the fake GitHub from it. Gives the commit. */
export async function placeSource(session: Session, root: string): Promise<{ commit: string; dirty: boolean }> {
  const { runner } = session.rig;
  const { commit, dirty, archive } = await packSource(root);
  // Dependencies are those that the machine has installed; links between workspaces are made anew so that they lead to the clone.
  const script = `set -e
    rm -rf "$1"; mkdir -p "$1"; tar -x -C "$1" --no-same-owner; cd "$1"
    echo node_modules >> .git/info/exclude
    mkdir node_modules
    ln -s /src/node_modules/* /src/node_modules/.bin node_modules/
    find /src/node_modules -maxdepth 2 -type l -not -path '*/.bin/*' | while read -r link; do
      name=\${link#/src/node_modules/}
      scope=\${name%/*}
      if [ "$scope" != "$name" ] && [ -L "node_modules/$scope" ]; then
        rm "node_modules/$scope"; mkdir "node_modules/$scope"; ln -s "/src/node_modules/$scope"/* "node_modules/$scope/"
      fi
      rm "node_modules/$name"; cp -P "$link" "node_modules/$name"
    done`;
  await must(runner, ['sh', '-c', script, 'place', CLONE], { input: archive });
  await startGitHub(session);
  return { commit, dirty };
}

async function startGitHub(session: Session): Promise<void> {
  const { runner } = session.rig;
  await runner.write(`${PRIVATE}/github.env`, `FAKE_GITHUB_TOKEN=${session.settings.githubToken}\n`, 0o600);
  await runner.exec(['systemctl', 'stop', GITHUB_UNIT]);
  await runner.exec(['systemctl', 'reset-failed', GITHUB_UNIT]);
  await must(runner, [
    ...[
      'systemd-run',
      '--quiet',
      '--collect',
      `--unit=${GITHUB_UNIT}`,
      `--property=EnvironmentFile=${PRIVATE}/github.env`,
    ],
    ...['/usr/local/bin/node', `${CLONE}/rehearsal/github/server.ts`, String(GITHUB_PORT), CALLS],
  ]);
  const probe = `fetch('http://127.0.0.1:${GITHUB_PORT}/').then(() => process.exit(0), () => process.exit(1))`;
  for (let tries = 0; tries < 40; tries += 1) {
    if ((await runner.exec(['node', '-e', probe])).code === 0) return;
    await sleep(250);
  }
  const journal = await runner.exec(['journalctl', '-u', GITHUB_UNIT, '-n', '15', '--no-pager']);
  throw new Error(`the fake GitHub did not answer within 10 s:\n${journal.stdout}`);
}

/** Every call that the fake GitHub has seen in this rehearsal, oldest first. */
export async function githubCalls(session: Session): Promise<Call[]> {
  const { stdout } = await session.rig.runner.exec(['sh', '-c', `cat ${CALLS} 2> /dev/null || true`]);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Call);
}

/** Asks the host's launcher over SSH with the deploy key, from the runner, as anybody with that key could. */
export async function hostStatus(session: Session): Promise<HostStatus> {
  const { runner, vps } = session.rig;
  await runner.write(`${PRIVATE}/deploy_key`, session.settings.secrets['SSH_PRIVATE_KEY'] ?? '', 0o600);
  await runner.write(`${PRIVATE}/known_hosts`, vps.knownHosts, 0o600);
  const text = await must(runner, [
    ...['ssh', '-F', '/dev/null', '-i', `${PRIVATE}/deploy_key`, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
    ...[
      '-o',
      'StrictHostKeyChecking=yes',
      '-o',
      `UserKnownHostsFile=${PRIVATE}/known_hosts`,
      '-o',
      'ConnectTimeout=10',
    ],
    ...[`deploy@${vps.name}`, 'status'],
  ]);
  return JSON.parse(text) as HostStatus;
}

/** Commits one change in the clone; gives the new commit. */
export async function commitChange(
  session: Session,
  change: { file: string; subject: string; edit: (text: string) => string },
): Promise<string> {
  const { runner } = session.rig;
  const path = `${CLONE}/${change.file}`;
  const before = (await must(runner, ['cat', path])) + '\n';
  const after = change.edit(before);
  if (after === before) throw new Error(`${change.file} is the same after the change`);
  await runner.write(path, after);
  const git = ['git', '-C', CLONE, '-c', 'user.name=rehearsal', '-c', 'user.email=rehearsal@localhost'];
  await must(runner, [...git, 'commit', '--quiet', '--no-verify', '-m', change.subject, '--', change.file]);
  return must(runner, [...git, 'rev-parse', 'HEAD']);
}

/** Takes the last commit of the clone back: a broken release must not be part of the next one. */
export async function revertChange(session: Session): Promise<void> {
  const git = ['git', '-C', CLONE, '-c', 'user.name=rehearsal', '-c', 'user.email=rehearsal@localhost'];
  await must(session.rig.runner, [...git, 'revert', '--no-edit', 'HEAD']);
}
