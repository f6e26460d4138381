import * as real from 'node:fs';
import * as http from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { parseEventLine, parseLedger, type Ledger, type Manifest, type ResultEvent } from '@delivery/release';
import { parseRoute, type RouteState } from '@delivery/stack';
import { DockerError } from '../../src/docker/engine.ts';
import type { Paths } from '../../src/paths.ts';
import { Engine, Refused, type Item } from './containers.ts';
import { Died, Life } from './disk.ts';

/**
 * A host in memory around the agent's real modules: its directories are real ones in a temporary place; Docker, the edge and the
 * machine's sockets are doubles. `mockHost` puts the doubles in the place of the modules that reach for the real things, so it comes
 * before the first import of the agent's code.
 */
export interface Release {
  id: string;
  digest: string;
  /** Its containers end as soon as they start. */
  sick?: boolean;
  manifest: Manifest;
  sealed: string;
}

export interface Call {
  secrets?: Record<string, string>;
  options?: Record<string, unknown>;
  /** The agent dies at this effect. */
  diesAt?: number | null;
}

export interface Ended {
  /** Null where the agent died before it could say. */
  result: ResultEvent | null;
  died: boolean;
  steps: string[];
}

const source = (name: string): string => join(import.meta.dirname, '../../src', name);
const EDGE_MS = 1;

let world: World | null = null;
function here(): World {
  if (world === null) throw new Error('no world');
  return world;
}

export class World {
  readonly paths: Paths;
  readonly engine = new Engine();
  readonly registry = new Map<string, Release>();
  /** Open connections of the edge by address of a container: what draining counts. */
  readonly connections = new Map<string, number>();
  /** What must never be and was. */
  readonly wrongs: string[] = [];
  /** Every text that the route file has had, in order; null for none. */
  readonly routes: (string | null)[] = [];
  /** Bytes that the disk has left; null for what this machine has. */
  freeBytes: number | null = null;
  /** How often connections are counted until they have all ended; null for never. */
  endAfter: number | null = null;
  /** Generation in which the edge loses what the prober asks. */
  lossyGeneration = -1;
  /** Docker changes nothing from the switch to this colour on until somebody has waited for it. */
  awayFrom: 'blue' | 'green' | null = null;
  /** What a worker waits for before it ends. */
  farewell: Promise<void> | null = null;
  /** Containers that answer by the edge, but not well. */
  readonly shy = new Set<string>();
  life: Life;
  /** Doors that an agent opened; they go with it. */
  readonly servers: http.Server[] = [];
  private operations = 0;

  private constructor(paths: Paths) {
    this.paths = paths;
    this.life = new Life(null, () => undefined);
  }

  /** A fresh host; the doubles work on the newest one. */
  static begin(paths: Paths): World {
    world = new World(paths);
    return world;
  }

  get log(): string[] {
    return this.engine.log;
  }

  /** A release in the registry: web and worker in one image. */
  publish(release: Release): void {
    this.registry.set(release.digest, release);
  }

  /** What the edge routes by: what the file says now. */
  routed(): RouteState | null {
    const text = read(this.paths.route);
    return text === null ? null : parseRoute(text);
  }

  ledger(): Ledger {
    return parseLedger(read(this.paths.ledger) ?? '');
  }

  /** Web containers of a colour. */
  web(colour: string): Item[] {
    return [...this.engine.items.values()].filter(
      ({ labels }) =>
        labels['com.docker.compose.project'] === `shop-${colour}` &&
        labels['com.docker.compose.service']?.startsWith('web') === true,
    );
  }

  workers(): Item[] {
    return [...this.engine.items.values()].filter(
      ({ labels, running }) => labels['com.docker.compose.service'] === 'mail' && running,
    );
  }

  deploy(digest: string, call: Call = {}): Promise<Ended> {
    return this.operate('deploy', digest, call);
  }

  rollback(requested: string | null = null, call: Call = {}): Promise<Ended> {
    return this.operate('rollback', requested, call);
  }

  private async operate(verb: 'deploy' | 'rollback', argument: string | null, call: Call): Promise<Ended> {
    const { operate } = await import('../../src/operation.ts');
    const { deploy } = await import('../../src/deploy.ts');
    const { rollback } = await import('../../src/rollback.ts');
    const { parseEnvelope } = await import('@delivery/release');
    this.operations += 1;
    const operation = `op-${String(this.operations)}`;
    this.life = new Life(call.diesAt ?? null, (path) => this.changed(path));
    const envelope = parseEnvelope(
      JSON.stringify({
        format: 1,
        operation,
        repository: 'registry.test/team/shop-release',
        secrets: call.secrets ?? {},
        options: { drainSeconds: 1, ...call.options },
      }),
    );
    try {
      await operate('shop', verb, this.paths, envelope, async (run, report) => {
        if (verb === 'rollback') return rollback(run, argument, report);
        return deploy(run, argument ?? '', report);
      });
    } catch (error) {
      if (!this.life.dead) throw error;
    }
    const died = this.life.dead;
    this.life.end();
    for (const server of this.servers.splice(0)) server.close();
    process.removeAllListeners('SIGTERM');
    process.removeAllListeners('SIGINT');
    const lines = (read(join(this.paths.runs, `${operation}.jsonl`)) ?? '').split('\n').map(parseEventLine);
    const result = lines.find((line) => line?.event === 'result');
    return {
      result: result?.event === 'result' ? result : null,
      died,
      steps: lines.flatMap((line) =>
        line?.event === 'step' && line.status !== 'start' ? [`${line.step} ${line.status}`] : [],
      ),
    };
  }

  private changed(path: string): void {
    if (path === this.paths.route) {
      this.routes.push(read(path));
      this.log.push(`route ${this.routed()?.colour ?? 'none'}`);
    }
  }

  /** What a visitor gets through the edge. */
  answer(who = 'visitor'): { status: number; headers: Record<string, string> } {
    const routed = this.routed();
    if (routed === null) return { status: 404, headers: {} };
    const web = this.web(routed.colour);
    const alive = web.length > 0 && web.every(({ running, paused, restarting }) => running && !paused && !restarting);
    const shy = web.some(({ image }) => this.shy.has(image.slice('id of '.length)));
    this.log.push(`answer ${who} ${routed.colour} ${String(routed.generation)}`);
    const lost = who === 'delivery-prober' && routed.generation === this.lossyGeneration;
    return {
      status: alive && !lost ? (shy ? 503 : 200) : 502,
      headers: { 'x-edge-generation': String(routed.generation), 'x-release': routed.release },
    };
  }
}

/** Docker as the agent knows it, over the double. A container that visitors are on must not be taken from them. */
function fakeDocker(): unknown {
  const guarded = async <T>(effect: boolean, work: (engine: Engine) => T): Promise<T> => {
    await Promise.resolve();
    if (effect) here().life.effect();
    else if (here().life.dead) throw new Died('dead');
    try {
      if (effect && here().awayFrom !== null && here().routed()?.colour === here().awayFrom)
        throw new Refused(0, 'Docker does not answer');
      return work(here().engine);
    } catch (error) {
      if (error instanceof Refused) throw new DockerError(error.status, error.message);
      throw error;
    }
  };
  const spare = (item: Item, what: string): void => {
    const routed = here().routed();
    const project = item.labels['com.docker.compose.project'];
    const web = item.labels['com.docker.compose.service']?.startsWith('web') === true;
    if (web && item.running && !item.restarting && routed !== null && project === `shop-${routed.colour}`)
      here().wrongs.push(`${what} of ${project}, which visitors are on`);
    if (what !== 'pause' && web && item.running && !item.paused && here().connections.get(item.address))
      here().log.push(`cut ${here().engine.nameOf(item)}`);
  };
  const change = <T>(work: (engine: Engine) => T): Promise<T> => guarded(true, work);
  const ask = <T>(work: (engine: Engine) => T): Promise<T> => guarded(false, work);
  const copy = (item: Item): Item => ({ ...item, labels: { ...item.labels }, addresses: { ...item.addresses } });
  const needed = (reference: string): Release => {
    const release = here().registry.get(reference.split('@')[1] ?? '');
    if (release === undefined) throw new Refused(404, `manifest unknown: ${reference}`);
    return release;
  };
  return class {
    close = (): Promise<void> => Promise.resolve();
    answers = (): Promise<boolean> =>
      ask(() => {
        here().awayFrom = null;
        here().log.push('docker answers');
        return true;
      });
    info = (): Promise<object> => ask(() => ({ os: 'linux', architecture: 'amd64', cgroups: 2 }));
    containers = (labels: string[]): Promise<Item[]> =>
      ask(({ items }) =>
        [...items.values()]
          .filter((item) =>
            labels.every((label) => {
              const [key = '', value] = label.split('=');
              return item.labels[key] === value;
            }),
          )
          .map(copy),
      );
    container = (id: string): Promise<Item | null> =>
      ask(({ items }) => {
        const item = items.get(id);
        return item === undefined ? null : copy(item);
      });
    start = (id: string): Promise<void> => change((engine) => engine.start(engine.find(id)));
    stop = async ({ id, paused, labels }: Item): Promise<void> => {
      if (labels['com.docker.compose.service'] === 'mail') await here().farewell;
      return change((engine) => {
        spare(engine.find(id), 'stop');
        if (paused) engine.unpause(engine.find(id));
        engine.stop(engine.find(id));
      });
    };
    /** A job of the double has ended well when it was started. */
    wait = (): Promise<number> => ask(() => 0);
    pause = (id: string): Promise<void> =>
      change((engine) => {
        spare(engine.find(id), 'pause');
        engine.pause(engine.find(id));
      });
    unpause = (id: string): Promise<void> => change((engine) => engine.unpause(engine.find(id)));
    rename = (id: string, name: string): Promise<void> => change((engine) => engine.rename(engine.find(id), name));
    remove = (id: string): Promise<void> =>
      change((engine) => {
        const item = engine.items.get(id);
        if (item !== undefined) spare(item, 'removal');
        engine.remove(id);
      });
    restartPolicy = (id: string, name: string): Promise<void> =>
      change((engine) => void (engine.find(id).restartPolicy = name));
    memory = (): Promise<number> => ask(() => 1);
    logs = (): Promise<string[]> => ask(() => ['the last line']);
    imageId = (reference: string): Promise<string | null> =>
      ask(({ images }) => (images.has(reference) ? `id of ${reference}` : null));
    pull = (reference: string): Promise<void> =>
      change(({ images }) => {
        const digest = reference.split('@')[1] ?? '';
        const known = [...here().registry.values()].flatMap((release) => [
          release.digest,
          ...Object.values(release.manifest.services).map(({ image }) => image.split('@')[1] ?? ''),
        ]);
        if (!known.includes(digest)) throw new Refused(404, `manifest unknown: ${reference}`);
        images.add(reference);
      });
    createPin = (_name: string, reference: string, labels: Record<string, string>): Promise<void> =>
      change(
        (engine) => void engine.create(`pin-${String(engine.items.size)}-${String(Math.random())}`, reference, labels),
      );
    removeImage = (reference: string): Promise<void> => change((engine) => engine.removeImage(reference));
    readImage = (reference: string): Promise<Map<string, Buffer>> =>
      ask(() => {
        const { manifest, sealed } = needed(reference);
        return new Map([
          ['manifest.json', Buffer.from(JSON.stringify(manifest))],
          ['compose.yaml', Buffer.from(sealed)],
        ]);
      });
    ensureNetwork = (): Promise<void> => change(() => undefined);
    ensureVolume = (): Promise<void> => change(() => undefined);
    compose = (project: { name: string; file: string; env: string | null }, command: string[]): Promise<string> =>
      change((engine) => {
        const routed = here().routed();
        const web = command.some((word) => word.startsWith('web'));
        if (web && routed !== null && project.name === `shop-${routed.colour}`)
          here().wrongs.push(`compose ${command[0] ?? ''} on ${project.name}, which visitors are on`);
        return engine.compose(project, command, () => here().life.effect());
      });
  };
}

/** Puts the doubles in the place of Docker, the edge, the disk, the sockets and the clock's pauses. */
export function mockHost(): void {
  const names = Object.keys(new Life(null, () => undefined).disk()) as (keyof typeof real)[];
  jest.unstable_mockModule('node:fs', () => ({
    ...real,
    ...Object.fromEntries(
      names.map((name) => [
        name,
        (...args: unknown[]): unknown => (here().life.disk()[name] as (...args: unknown[]) => unknown)(...args),
      ]),
    ),
    statfsSync: (path: string) => {
      const found = real.statfsSync(path);
      const free = here().freeBytes;
      return free === null ? found : { ...found, bsize: 1, bavail: free };
    },
  }));
  jest.unstable_mockModule('node:http', () => ({
    ...http,
    createServer: (listener: http.RequestListener) => {
      const server = http.createServer(listener);
      here().servers.push(server);
      return server;
    },
  }));
  jest.unstable_mockModule('node:timers/promises', () => ({
    setTimeout: (ms: number, value: unknown, options?: { signal?: AbortSignal }) =>
      sleep(Math.min(ms, EDGE_MS), value, options),
  }));
  jest.unstable_mockModule(source('sockets.ts'), () => ({
    expandAddress: (text: string) => text,
    establishedTo: (addresses: ReadonlySet<string>): number => {
      const now = here();
      now.log.push('count connections');
      if (now.endAfter !== null && (now.endAfter -= 1) < 0) now.connections.clear();
      return [...addresses].reduce((sum, address) => sum + (here().connections.get(address) ?? 0), 0);
    },
  }));
  jest.unstable_mockModule(source('docker.ts'), () => ({ Docker: fakeDocker() }));
  const answered = async (who?: string): Promise<{ statusCode: number; headers: object; body: object }> => {
    await sleep(0);
    const { status, headers } = here().answer(who);
    return {
      statusCode: status,
      headers,
      body: { dump: () => Promise.resolve(), text: () => Promise.resolve('{}') },
    };
  };
  const closes = { destroy: () => Promise.resolve(), close: () => Promise.resolve() };
  jest.unstable_mockModule('undici', () => ({
    Client: class {
      request = (how: { headers?: Record<string, string> }) => answered(how.headers?.['user-agent']);
      destroy = closes.destroy;
      close = closes.close;
    },
    Pool: class {},
    Agent: class {
      destroy = closes.destroy;
      close = closes.close;
    },
    WebSocket: class {},
    request: (_: unknown, how: { headers?: Record<string, string> }) => answered(how.headers?.['user-agent']),
  }));
  jest.unstable_mockModule(source('prober/http2.ts'), () => ({
    http2: () => ({
      ask: async () => {
        const { statusCode } = await answered('delivery-prober');
        if (statusCode !== 200) throw new Error(`status ${String(statusCode)}`);
      },
      close: closes.close,
    }),
  }));
  jest.unstable_mockModule('@delivery/health', async () => ({
    ...(await import('../../../packages/health/src/verdict.ts')),
    ...(await import('../../../packages/health/src/sample.ts')),
    ...(await import('../../../packages/health/src/watch.ts')),
    openProbe: ({ url }: { url: URL }) => ({
      once: async () => {
        await sleep(0);
        const item = [...here().engine.items.values()].find(({ address }) => address === url.hostname);
        const colour = /-(blue|green)$/.exec(item?.labels['com.docker.compose.project'] ?? '')?.[1];
        here().log.push(`probe ${colour ?? 'nobody'}`);
        if (colour !== undefined && here().routed()?.colour === colour)
          here().wrongs.push(`the gate asks ${colour}, which visitors are on already`);
        if (item?.running !== true || item.restarting) return { answered: false, reason: 'refused', ms: 1 };
        const release = item.labels['delivery.release'] ?? null;
        return { answered: true, status: 200, contentType: 'text/plain', release, body: '', truncated: false, ms: 1 };
      },
      close: () => Promise.resolve(),
    }),
  }));
  process.setMaxListeners(0);
  jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
}

function read(path: string): string | null {
  try {
    return real.readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
