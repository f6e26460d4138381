import type { Readable } from 'node:stream';
import { buffer as readAll } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { extract } from 'tar-stream';
import { READING, toContainer, toLogLines, unframe } from './container.ts';
import type { Container, InspectedContainer, LogLine } from './container.ts';
import { runCompose, startCompose } from './docker/compose.ts';
import type { ComposeClient, ComposeProject } from './docker/compose.ts';
import { DockerError, Engine } from './docker/engine.ts';
import { remakeOf } from './docker/remake.ts';
import type { Inspected } from './docker/remake.ts';

export interface RegistryLogin {
  host: string;
  username: string;
  password: string;
}

/** The part of the Engine's document of an image that is asked for. */
interface InspectedImage {
  Id: string;
  Config: { Env: string[] | null; Labels: Record<string, string> | null };
}

const SOCKET = '/var/run/docker.sock';
const PAUSE_MS = 200;
/** Of the release image; it holds text, and is read into memory. */
const ARCHIVE_MAX_BYTES = 16 * 1024 * 1024;

/** The only door to Docker: the Engine API over its socket, and the compose client for rendered projects. */
export class Docker {
  private readonly engine: Engine;

  constructor(socket = SOCKET) {
    this.engine = new Engine(socket);
  }

  close(): Promise<void> {
    return this.engine.close();
  }

  /**
   * Waits until the Engine answers: it does once it has laid its rules of the network again after a restart, without which no new
   * connection reaches a container. Containers go on meanwhile. @returns whether it answered within `forMs`
   */
  async answers(forMs: number): Promise<boolean> {
    const until = performance.now() + forMs;
    do {
      const signal = AbortSignal.timeout(Math.max(1, Math.round(until - performance.now())));
      try {
        await (await this.engine.request('GET', '/_ping', { signal })).body.dump();
        return true;
      } catch {
        await sleep(PAUSE_MS);
      }
    } while (performance.now() < until);
    return false;
  }

  async info(): Promise<{ os: string; architecture: string; cgroups: 1 | 2 }> {
    const info = (await this.engine.json('GET', '/info')) as {
      OSType: string;
      Architecture: string;
      CgroupVersion?: string;
    };
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
    const found = (await this.engine.json('GET', `/containers/json?all=true&filters=${filters}`)) as { Id: string }[];
    const all = await Promise.all(found.map(({ Id }) => this.container(Id)));
    return all.filter((container) => container !== null);
  }

  async container(id: string): Promise<Container | null> {
    const found = (await this.engine.json('GET', `/containers/${encodeURIComponent(id)}/json`, {
      missing: true,
    })) as InspectedContainer | null;
    if (found === null) return null;
    return toContainer(found);
  }

  async start(id: string): Promise<void> {
    await this.engine.json('POST', `/containers/${id}/start`);
  }

  /** SIGTERM, and SIGKILL after `graceSeconds`. A paused container is thawed first: it could not hear the signal. */
  async stop(container: Container, graceSeconds: number): Promise<void> {
    if (container.paused) await this.unpause(container.id);
    await this.engine.json('POST', `/containers/${container.id}/stop?t=${String(graceSeconds)}`);
  }

  /** The exit code of a container once it has ended, or null where it still runs after `ms`. */
  async wait(id: string, ms: number): Promise<number | null> {
    const deadline = AbortSignal.timeout(ms);
    try {
      const answer = await this.engine.request('POST', `/containers/${encodeURIComponent(id)}/wait`, {
        signal: deadline,
      });
      return ((await answer.body.json()) as { StatusCode: number }).StatusCode;
    } catch (error) {
      if (deadline.aborted) return null;
      throw error;
    }
  }

  async pause(id: string): Promise<void> {
    await this.engine.json('POST', `/containers/${id}/pause`);
  }

  async unpause(id: string): Promise<void> {
    await this.engine.json('POST', `/containers/${id}/unpause`);
  }

  async rename(id: string, name: string): Promise<void> {
    await this.engine.json('POST', `/containers/${id}/rename?name=${encodeURIComponent(name)}`);
  }

  async remove(id: string): Promise<void> {
    await this.engine.json('DELETE', `/containers/${id}?force=true&v=true`, { missing: true });
  }

  async restartPolicy(id: string, name: string): Promise<void> {
    await this.engine.json('POST', `/containers/${id}/update`, { body: { RestartPolicy: { Name: name } } });
  }

  /** Bytes that the container's processes use, page cache taken off; 0 where the Engine cannot tell. */
  async memory(id: string): Promise<number> {
    const stats = (await this.engine.json('GET', `/containers/${id}/stats?stream=false&one-shot=true`)) as {
      memory_stats?: { usage?: number; stats?: { inactive_file?: number; total_inactive_file?: number } };
    };
    const cache = stats.memory_stats?.stats?.total_inactive_file ?? stats.memory_stats?.stats?.inactive_file ?? 0;
    return Math.max(0, (stats.memory_stats?.usage ?? 0) - cache);
  }

  /** The last `lines` lines of both streams, oldest first. */
  async logs(id: string, lines: number): Promise<string[]> {
    const answer = await this.engine.request(
      'GET',
      `/containers/${id}/logs?stdout=true&stderr=true&tail=${String(lines)}`,
    );
    return unframe(Buffer.from(await answer.body.arrayBuffer()))
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .slice(-lines);
  }

  /** The same with the time that the Engine took each line at. */
  async logLines(id: string, lines: number): Promise<LogLine[]> {
    const query = `stdout=true&stderr=true&timestamps=true&tail=${String(lines)}`;
    const answer = await this.engine.request('GET', `/containers/${id}/logs?${query}`);
    return toLogLines(unframe(Buffer.from(await answer.body.arrayBuffer()))).slice(-lines);
  }

  /** The Engine's own document of a container, for comparing and for making it anew. */
  async inspect(id: string): Promise<Inspected | null> {
    return (await this.engine.json('GET', `/containers/${encodeURIComponent(id)}/json`, {
      missing: true,
    })) as Inspected | null;
  }

  /** Removes a container and leaves its volumes without a name, which a container that takes its place may need. */
  async removeKeepingVolumes(id: string): Promise<void> {
    await this.engine.json('DELETE', `/containers/${id}?force=true`, { missing: true });
  }

  /** Makes a container as `found` was made: same name, image, environment, networks and mounts, volumes without a name included. */
  async remake(found: Inspected): Promise<string> {
    const name = found.Name.replace(/^\//, '');
    const created = (await this.engine.json('POST', `/containers/create?name=${encodeURIComponent(name)}`, {
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
    return (await this.engine.json('GET', `/images/${reference}/json`, { missing: true })) as InspectedImage | null;
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
    const answer = await this.engine.request('POST', path, { headers });
    for (const line of (await answer.body.text()).split('\n')) {
      if (line.trim() === '') continue;
      const { error } = JSON.parse(line) as { error?: string };
      if (error !== undefined) throw new DockerError(500, error);
    }
  }

  /** A container that is never started: as long as it exists, no prune takes its image away. */
  async createPin(name: string, reference: string, labels: Record<string, string>): Promise<void> {
    await this.engine.json('POST', `/containers/create?name=${encodeURIComponent(name)}`, {
      body: { Image: reference, Cmd: ['/never-run'], Labels: labels, NetworkDisabled: true },
    });
  }

  async removeImage(reference: string): Promise<void> {
    await this.engine.json('DELETE', `/images/${reference}`, { missing: true });
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
    const created = (await this.engine.json('POST', '/containers/create', {
      body: {
        Image: reference,
        Cmd: ['/never-run'],
        Labels: { [READING]: new Date().toISOString() },
        NetworkDisabled: true,
      },
    })) as { Id: string };
    try {
      const answer = await this.engine.request(
        'GET',
        `/containers/${created.Id}/archive?path=${encodeURIComponent(from)}`,
      );
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
    const answer = (await this.engine.json('GET', `/${kind}`)) as Found | { Volumes: Found };
    const found = (Array.isArray(answer) ? answer : answer?.Volumes) ?? [];
    return found.map(({ Name, Labels }) => ({ name: Name, labels: Labels ?? {} }));
  }

  async removeNamed(kind: 'networks' | 'volumes', name: string): Promise<void> {
    await this.engine.json('DELETE', `/${kind}/${encodeURIComponent(name)}`, { missing: true });
  }

  /** Removes an empty directory of the host by a container of `image`; what the agent itself has mounted it cannot remove. */
  async removeDirectory(image: string, path: string): Promise<void> {
    const parent = path.slice(0, path.lastIndexOf('/'));
    const created = (await this.engine.json('POST', '/containers/create', {
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
    const found = await this.engine.json('GET', `/networks/${encodeURIComponent(name)}`, { missing: true });
    if (found === null)
      await this.engine.json('POST', '/networks/create', {
        body: { Name: name, Driver: 'bridge', Labels: labels, CheckDuplicate: true },
      });
  }

  /** Creates the volume; one of that name stays as it is. */
  async ensureVolume(
    volume: { name: string; driver: string; options: Record<string, string> },
    labels: Record<string, string>,
  ): Promise<void> {
    const found = await this.engine.json('GET', `/volumes/${encodeURIComponent(volume.name)}`, { missing: true });
    if (found === null)
      await this.engine.json('POST', '/volumes/create', {
        body: { Name: volume.name, Driver: volume.driver, DriverOpts: volume.options, Labels: labels },
      });
  }

  /** `runCompose` on this host. */
  compose(project: ComposeProject, command: string[]): Promise<string> {
    return runCompose(this.engine.socket, project, command);
  }

  /** `startCompose` on this host. */
  composeClient(project: ComposeProject, command: string[], progress: 'plain' | 'quiet' = 'plain'): ComposeClient {
    return startCompose(this.engine.socket, project, command, progress);
  }
}
