import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { buffer as readAll } from 'node:stream/consumers';
import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { extract } from 'tar-stream';
import { READING, toContainer, toLogLines, unframe } from './container.ts';
import type { Container, InspectedContainer, LogLine } from './container.ts';
import type { Readable } from 'node:stream';

/** Answers of the Engine that are no success; `status` 404 is "no such", 409 a conflict, 0 no answer at all. */
export class DockerError extends Error {
  readonly status: number;
  /** All that the compose client said, where it was the one that failed. */
  readonly output: string;

  constructor(status: number, message: string, output = '') {
    super(message);
    this.name = 'DockerError';
    this.status = status;
    this.output = output;
  }
}

export interface RegistryLogin {
  host: string;
  username: string;
  password: string;
}

/** A rendered project on disk; `env` is the file that its variables are filled from. */
export interface ComposeProject {
  name: string;
  file: string;
  directory: string;
  env: string | null;
}

/** The part of the Engine's document of a container that a container is made anew from. */
export interface Inspected {
  Id: string;
  Name: string;
  /** Id of the image. */
  Image: string;
  Config: {
    Image: string;
    Cmd: string[] | null;
    Entrypoint: string[] | null;
    Env: string[] | null;
    Labels: Record<string, string> | null;
  };
  HostConfig: {
    Binds?: string[] | null;
    Mounts?: { Type: string; Source?: string; Target: string }[] | null;
    [key: string]: unknown;
  };
  Mounts: { Type: string; Name?: string; Source: string; Destination: string; RW: boolean }[];
  NetworkSettings: { Networks: Record<string, { Aliases?: string[] | null }> | null };
}

/** The part of the Engine's document of an image that is asked for. */
interface InspectedImage {
  Id: string;
  Config: { Env: string[] | null; Labels: Record<string, string> | null };
}

export type ComposeClient = ChildProcessByStdio<null, Readable, Readable>;

const SOCKET = '/var/run/docker.sock';
/**
 * The compose client itself, where the distribution puts it: through `docker compose` the docker client starts first and asks each of its
 * plugins for its name, which costs some 80 ms at best, in the middle of a deploy.
 */
const PLUGIN = ['libexec', 'lib']
  .map((at) => `/usr/${at}/docker/cli-plugins/docker-compose`)
  .find((path) => existsSync(path));
/** Of the release image; it holds text, and is read into memory. */
const ARCHIVE_MAX_BYTES = 16 * 1024 * 1024;

/** The only door to Docker: the Engine API over its socket, and the compose client for rendered projects. */
export class Docker {
  private readonly pool: Pool;
  private readonly socket: string;

  constructor(socket = SOCKET) {
    this.socket = socket;
    // Pulls and graceful stops are silent for long; both are bounded by the Engine.
    this.pool = new Pool('http://docker', { socketPath: socket, connections: 16, headersTimeout: 0, bodyTimeout: 0 });
  }

  async close(): Promise<void> {
    await this.pool.close();
  }

  async info(): Promise<{ os: string; architecture: string; cgroups: 1 | 2 }> {
    const info = (await this.json('GET', '/info')) as { OSType: string; Architecture: string; CgroupVersion?: string };
    const names: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm/v7' };
    return {
      os: info.OSType,
      architecture: names[info.Architecture] ?? info.Architecture,
      cgroups: info.CgroupVersion === '2' ? 2 : 1,
    };
  }

  /** Containers in any state that carry all `labels` (`key=value`). */
  async containers(labels: string[]): Promise<Container[]> {
    const filters = encodeURIComponent(JSON.stringify({ label: labels }));
    const found = (await this.json('GET', `/containers/json?all=true&filters=${filters}`)) as { Id: string }[];
    const all = await Promise.all(found.map(({ Id }) => this.container(Id)));
    return all.filter((container) => container !== null);
  }

  async container(id: string): Promise<Container | null> {
    const found = (await this.json('GET', `/containers/${encodeURIComponent(id)}/json`, {
      missing: true,
    })) as InspectedContainer | null;
    if (found === null) return null;
    return toContainer(found);
  }

  async start(id: string): Promise<void> {
    await this.json('POST', `/containers/${id}/start`);
  }

  /** SIGTERM, and SIGKILL after `graceSeconds`. A paused container is thawed first: it could not hear the signal. */
  async stop(container: Container, graceSeconds: number): Promise<void> {
    if (container.paused) await this.unpause(container.id);
    await this.json('POST', `/containers/${container.id}/stop?t=${String(graceSeconds)}`);
  }

  /** The exit code of a container once it has ended, or null where it still runs after `ms`. */
  async wait(id: string, ms: number): Promise<number | null> {
    const deadline = AbortSignal.timeout(ms);
    try {
      const answer = await this.request('POST', `/containers/${encodeURIComponent(id)}/wait`, { signal: deadline });
      return ((await answer.body.json()) as { StatusCode: number }).StatusCode;
    } catch (error) {
      if (deadline.aborted) return null;
      throw error;
    }
  }

  async pause(id: string): Promise<void> {
    await this.json('POST', `/containers/${id}/pause`);
  }

  async unpause(id: string): Promise<void> {
    await this.json('POST', `/containers/${id}/unpause`);
  }

  async rename(id: string, name: string): Promise<void> {
    await this.json('POST', `/containers/${id}/rename?name=${encodeURIComponent(name)}`);
  }

  async remove(id: string): Promise<void> {
    await this.json('DELETE', `/containers/${id}?force=true&v=true`, { missing: true });
  }

  async restartPolicy(id: string, name: string): Promise<void> {
    await this.json('POST', `/containers/${id}/update`, { body: { RestartPolicy: { Name: name } } });
  }

  /** Bytes that the container's processes use, page cache taken off; 0 where the Engine cannot tell. */
  async memory(id: string): Promise<number> {
    const stats = (await this.json('GET', `/containers/${id}/stats?stream=false&one-shot=true`)) as {
      memory_stats?: { usage?: number; stats?: { inactive_file?: number; total_inactive_file?: number } };
    };
    const cache = stats.memory_stats?.stats?.total_inactive_file ?? stats.memory_stats?.stats?.inactive_file ?? 0;
    return Math.max(0, (stats.memory_stats?.usage ?? 0) - cache);
  }

  /** The last `lines` lines of both streams, oldest first. */
  async logs(id: string, lines: number): Promise<string[]> {
    const answer = await this.request('GET', `/containers/${id}/logs?stdout=true&stderr=true&tail=${String(lines)}`);
    return unframe(Buffer.from(await answer.body.arrayBuffer()))
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .slice(-lines);
  }

  /** The same with the time that the Engine took each line at. */
  async logLines(id: string, lines: number): Promise<LogLine[]> {
    const query = `stdout=true&stderr=true&timestamps=true&tail=${String(lines)}`;
    const answer = await this.request('GET', `/containers/${id}/logs?${query}`);
    return toLogLines(unframe(Buffer.from(await answer.body.arrayBuffer()))).slice(-lines);
  }

  /** The Engine's own document of a container, for comparing and for making it anew. */
  async inspect(id: string): Promise<Inspected | null> {
    return (await this.json('GET', `/containers/${encodeURIComponent(id)}/json`, {
      missing: true,
    })) as Inspected | null;
  }

  /** Removes a container and leaves its volumes without a name, which a container that takes its place may need. */
  async removeKeepingVolumes(id: string): Promise<void> {
    await this.json('DELETE', `/containers/${id}?force=true`, { missing: true });
  }

  /** Makes a container as `found` was made: same name, image, environment, networks and mounts, volumes without a name included. */
  async remake(found: Inspected): Promise<string> {
    const name = found.Name.replace(/^\//, '');
    const created = (await this.json('POST', `/containers/create?name=${encodeURIComponent(name)}`, {
      body: remakeOf(found),
    })) as { Id: string };
    return created.Id;
  }

  /** What an image brings along, or null where it is not here. */
  async imageConfig(reference: string): Promise<{ Env: string[] | null } | null> {
    return (await this.image(reference))?.Config ?? null;
  }

  /** Id of a local image by any reference, or null where it is not here. */
  async imageId(reference: string): Promise<string | null> {
    return (await this.image(reference))?.Id ?? null;
  }

  /** Labels of a local image, or null where it is not here. */
  async imageLabels(reference: string): Promise<Record<string, string> | null> {
    const found = await this.image(reference);
    return found === null ? null : (found.Config.Labels ?? {});
  }

  /** The Engine's own document of a local image, or null where it is not here. */
  private async image(reference: string): Promise<InspectedImage | null> {
    return (await this.json('GET', `/images/${reference}/json`, { missing: true })) as InspectedImage | null;
  }

  /** Pulls `<repository>@<digest>` or `<repository>:<tag>`. The login travels in a header of this one request and is kept nowhere. */
  async pull(reference: string, login: RegistryLogin | null): Promise<void> {
    const [, repository = reference, tag = ''] = /^(.+?)(?:@|:(?=[^/]*$))(.+)$/.exec(reference) ?? [];
    const headers: Record<string, string> = {};
    if (login !== null && repository.startsWith(`${login.host}/`)) {
      const auth = { username: login.username, password: login.password, serveraddress: login.host };
      headers['x-registry-auth'] = Buffer.from(JSON.stringify(auth)).toString('base64url');
    }
    const path = `/images/create?fromImage=${encodeURIComponent(repository)}&tag=${encodeURIComponent(tag)}`;
    const answer = await this.request('POST', path, { headers });
    for (const line of (await answer.body.text()).split('\n')) {
      if (line.trim() === '') continue;
      const { error } = JSON.parse(line) as { error?: string };
      if (error !== undefined) throw new DockerError(500, error);
    }
  }

  /** A container that is never started: as long as it exists, no prune takes its image away. */
  async createPin(name: string, reference: string, labels: Record<string, string>): Promise<void> {
    await this.json('POST', `/containers/create?name=${encodeURIComponent(name)}`, {
      body: { Image: reference, Cmd: ['/never-run'], Labels: labels, NetworkDisabled: true },
    });
  }

  async removeImage(reference: string): Promise<void> {
    await this.json('DELETE', `/images/${reference}`, { missing: true });
  }

  /**
   * The files of a local image that `wanted` picks (paths without leading slash). The image is not run: a container of it is created,
   * read as an archive and removed.
   */
  async readImage(reference: string, wanted: (path: string) => boolean): Promise<Map<string, Buffer>> {
    const files = new Map<string, Buffer>();
    let total = 0;
    await this.readArchive(reference, '/', async ({ path, type, size }, content) => {
      if (type !== 'file' || !wanted(path)) return;
      total += size;
      if (total > ARCHIVE_MAX_BYTES)
        throw new DockerError(500, `release image: more than ${String(ARCHIVE_MAX_BYTES)} bytes of files`);
      files.set(path, await content());
    });
    return files;
  }

  /**
   * Hands each entry at and below a path of a local image to `each`, in the order of the archive; what it does not read is skipped. An
   * entry's path begins with the last part of `from`. Throws DockerError with status 404 where there is no such path.
   */
  async readArchive(
    reference: string,
    from: string,
    each: (entry: { path: string; type: string; size: number }, content: () => Promise<Buffer>) => Promise<void>,
  ): Promise<void> {
    // An image without a command cannot be made a container of; this one is never executed.
    const created = (await this.json('POST', '/containers/create', {
      body: {
        Image: reference,
        Cmd: ['/never-run'],
        Labels: { [READING]: new Date().toISOString() },
        NetworkDisabled: true,
      },
    })) as { Id: string };
    try {
      const answer = await this.request('GET', `/containers/${created.Id}/archive?path=${encodeURIComponent(from)}`);
      for await (const entry of answer.body.pipe(extract())) {
        const { name, type, size } = entry.header;
        const found = { path: name.replace(/^(\.?\/)+/, ''), type: String(type), size: size ?? 0 };
        await each(found, () => readAll(entry as unknown as Readable));
        entry.resume();
      }
    } finally {
      await this.remove(created.Id);
    }
  }

  /** Every network or volume of this host. */
  async labelled(kind: 'networks' | 'volumes'): Promise<{ name: string; labels: Record<string, string> }[]> {
    type Found = { Name: string; Labels: Record<string, string> | null }[] | null;
    const answer = (await this.json('GET', `/${kind}`)) as Found | { Volumes: Found };
    const found = (Array.isArray(answer) ? answer : answer?.Volumes) ?? [];
    return found.map(({ Name, Labels }) => ({ name: Name, labels: Labels ?? {} }));
  }

  async removeNamed(kind: 'networks' | 'volumes', name: string): Promise<void> {
    await this.json('DELETE', `/${kind}/${encodeURIComponent(name)}`, { missing: true });
  }

  /** Removes an empty directory of the host by a container of `image`; what the agent itself has mounted it cannot remove. */
  async removeDirectory(image: string, path: string): Promise<void> {
    const parent = path.slice(0, path.lastIndexOf('/'));
    const created = (await this.json('POST', '/containers/create', {
      body: {
        Image: image,
        Entrypoint: ['rmdir'],
        Cmd: [path],
        NetworkDisabled: true,
        HostConfig: { Binds: [`${parent}:${parent}`] },
      },
    })) as { Id: string };
    try {
      await this.start(created.Id);
      const code = await this.wait(created.Id, 20_000);
      if (code !== 0) throw new DockerError(500, `rmdir ${path}: exit ${String(code)}`);
    } finally {
      await this.remove(created.Id);
    }
  }

  /** Creates the bridge network unless one of that name exists. */
  async ensureNetwork(name: string, labels: Record<string, string>): Promise<void> {
    const found = await this.json('GET', `/networks/${encodeURIComponent(name)}`, { missing: true });
    if (found === null)
      await this.json('POST', '/networks/create', {
        body: { Name: name, Driver: 'bridge', Labels: labels, CheckDuplicate: true },
      });
  }

  /** Creates the volume; one of that name stays as it is. */
  async ensureVolume(
    volume: { name: string; driver: string; options: Record<string, string> },
    labels: Record<string, string>,
  ): Promise<void> {
    const found = await this.json('GET', `/volumes/${encodeURIComponent(volume.name)}`, { missing: true });
    if (found === null)
      await this.json('POST', '/volumes/create', {
        body: { Name: volume.name, Driver: volume.driver, DriverOpts: volume.options, Labels: labels },
      });
  }

  /**
   * Runs the compose client on a rendered project. It never pulls and never builds, so it needs no login; its configuration is an
   * empty directory of this run.
   * @returns the client's output (both streams); throws DockerError with its last lines when it fails
   */
  async compose(project: ComposeProject, command: string[]): Promise<string> {
    const child = this.composeClient(project, command);
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
    const code = await ended(child);
    const text = output.join('');
    if (code !== 0)
      throw new DockerError(
        500,
        `docker compose ${command[0] ?? ''}: exit ${String(code)}: ${text.trim().split('\n').slice(-6).join(' | ')}`,
        text.trim(),
      );
    return text;
  }

  /** Starts the compose client as `compose` does and leaves its output and its end to the caller. */
  composeClient(project: ComposeProject, command: string[], progress: 'plain' | 'quiet' = 'plain'): ComposeClient {
    const config = '/tmp/docker-config';
    mkdirSync(config, { recursive: true, mode: 0o700 });
    const env = project.env === null ? [] : ['--env-file', project.env];
    const options = [
      ...(PLUGIN === undefined ? ['compose'] : []),
      '--ansi',
      'never',
      '--progress',
      progress,
      '-p',
      project.name,
      '-f',
      project.file,
      '--project-directory',
      project.directory,
      ...env,
    ];
    return spawn(PLUGIN ?? 'docker', [...options, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Nothing of the agent's own environment may fill a variable of the compose file.
      env: {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin',
        HOME: '/tmp',
        DOCKER_CONFIG: config,
        DOCKER_HOST: `unix://${this.socket}`,
      },
    });
  }

  private async request(
    method: Dispatcher.HttpMethod,
    path: string,
    options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Dispatcher.ResponseData> {
    const hasBody = options.body !== undefined;
    const headers = { ...options.headers, ...(hasBody ? { 'content-type': 'application/json' } : {}) };
    let answer: Dispatcher.ResponseData;
    try {
      answer = await this.pool.request({
        method,
        path,
        headers,
        body: hasBody ? JSON.stringify(options.body) : null,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    } catch (error) {
      throw new DockerError(0, `Docker does not answer at ${this.socket}: ${(error as Error).message}`);
    }
    if (answer.statusCode < 400) return answer;
    const text = await answer.body.text();
    let message = text.trim();
    try {
      message = (JSON.parse(text) as { message?: string }).message ?? message;
    } catch {
      // not JSON: the text as it is
    }
    throw new DockerError(answer.statusCode, message);
  }

  /** The answer's JSON document, null where it is empty (or missing, if that is asked for). */
  private async json(
    method: Dispatcher.HttpMethod,
    path: string,
    options: { body?: unknown; missing?: boolean } = {},
  ): Promise<unknown> {
    try {
      const answer = await this.request(method, path, options);
      const text = await answer.body.text();
      return text === '' || answer.statusCode === 304 ? null : (JSON.parse(text) as unknown);
    } catch (error) {
      if (options.missing === true && error instanceof DockerError && error.status === 404) return null;
      throw error;
    }
  }
}

/** Exit code of a child once its output is complete; null where a signal ended it. */
export function ended(child: ComposeClient): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
}

/** The Engine's request for a container like the one that was inspected. */
export function remakeOf(found: Inspected): Record<string, unknown> {
  const { Config, HostConfig, Mounts, NetworkSettings } = found;
  const unnamed = new Map(
    Mounts.filter(({ Type, Name = '' }) => Type === 'volume' && /^[0-9a-f]{64}$/.test(Name)).map((mount) => [
      mount.Destination,
      mount,
    ]),
  );
  // Compose asks for them among its mounts, by their place alone; an image's own are asked for by nobody.
  const mounts = (HostConfig.Mounts ?? []).map((mount) => {
    const found = unnamed.get(mount.Target);
    unnamed.delete(mount.Target);
    return found === undefined ? mount : { ...mount, Source: found.Name };
  });
  for (const bind of HostConfig.Binds ?? []) unnamed.delete(bind.split(':')[1] ?? '');
  const binds = [...unnamed.values()].map(
    ({ Name = '', Destination, RW }) => `${Name}:${Destination}${RW ? '' : ':ro'}`,
  );
  const networks = Object.entries(NetworkSettings.Networks ?? {}).map(([name, { Aliases }]) => [
    name,
    // The Engine adds the container's own short id itself.
    { Aliases: (Aliases ?? []).filter((alias) => !found.Id.startsWith(alias)) },
  ]);
  return {
    ...Config,
    HostConfig: { ...HostConfig, Mounts: mounts, Binds: [...(HostConfig.Binds ?? []), ...binds] },
    NetworkingConfig: { EndpointsConfig: Object.fromEntries(networks) as Record<string, unknown> },
  };
}
