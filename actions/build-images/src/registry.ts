import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as core from '@actions/core';
import { docker, lastLine } from './docker.ts';
import type { Inputs } from './inputs.ts';

export interface Registry {
  /** Environment that makes the docker client use this run's own configuration. */
  env: Record<string, string>;
  /** `<registry>/<repository>/<app>-<name>`; registries take lower case only. */
  repositoryOf(app: string, name: string): string;
  /** Logs out and removes the configuration. */
  close(): Promise<void>;
}

/** What of the runner's own configuration is taken along: logins for base images, never the place where new ones would be stored for good. */
const KEPT = ['auths', 'credHelpers', 'HttpHeaders', 'proxies', 'cliPluginsExtraDirs', 'currentContext'];

/**
 * Logs in with a client configuration of this run alone, in a directory that only this user can read and that is removed at the end.
 * @throws Error naming registry and user when the login is refused
 */
export async function openRegistry(inputs: Inputs, temporary: string): Promise<Registry> {
  const { registry, repository, login } = inputs;
  const own = process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');
  const directory = await mkdtemp(join(temporary, 'docker-'));
  await writeFile(join(directory, 'config.json'), JSON.stringify(await keptConfiguration(own)), {
    mode: 0o600,
    flag: 'wx',
  });
  for (const name of ['cli-plugins', 'contexts']) {
    if (existsSync(join(own, name))) await symlink(join(own, name), join(directory, name));
  }
  const builders = process.env['BUILDX_CONFIG'] ?? join(own, 'buildx');
  await mkdir(builders, { recursive: true });
  const env = { DOCKER_CONFIG: directory, BUILDX_CONFIG: builders };
  const close = async (): Promise<void> => {
    if (login) await docker(['logout', registry], { env });
    await rm(directory, { recursive: true, force: true });
  };
  if (login) {
    const result = await docker(['login', registry, '--username', login.username, '--password-stdin'], {
      env,
      input: login.password,
    });
    if (result.code !== 0) {
      await close();
      throw new Error(`The registry ${registry} refused the login of "${login.username}": ${lastLine(result.stderr)}`);
    }
    core.info(`Logged in to ${registry} as ${login.username}`);
  }
  return { env, close, repositoryOf: (app, name) => `${registry}/${repository}/${app}-${imageName(name)}` };
}

/** A service's name as a part of an image's path. */
export function imageName(service: string): string {
  return service
    .toLowerCase()
    .replace(/[^a-z0-9]+$/, '')
    .replace(/[._-]{2,}/g, '-');
}

async function keptConfiguration(directory: string): Promise<Record<string, unknown>> {
  let own: Record<string, unknown>;
  try {
    own = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
  return Object.fromEntries(Object.entries(own).filter(([name]) => KEPT.includes(name)));
}
