import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { parseEnvFile } from '@delivery/release';
import type { Container } from '../../src/container.ts';

/** A container of the double, with what the agent cannot see of it. */
export interface Item extends Container {
  restartPolicy: string;
  /** Docker does not start it again by itself after `docker stop`, whatever its policy. */
  stoppedByHand: boolean;
  environment: Record<string, string>;
  /** What compose compares to tell whether it must be made anew. */
  configuration: string;
  address: string;
}

/** The Engine's refusal; becomes a DockerError. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Service {
  image: string;
  restart?: string;
  labels?: Record<string, string>;
  environment?: Record<string, string>;
}

/** The part of the Engine that the agent uses, in memory, with the Engine's own refusals. What happens is noted in `log`. */
export class Engine {
  readonly items = new Map<string, Item>();
  readonly images = new Set<string>();
  /** Images whose program ends at once. */
  readonly sick = new Set<string>();
  /** Services that cannot be started, as the log names them. */
  readonly refused = new Set<string>();
  readonly log: string[] = [];
  private count = 0;

  find(id: string): Item {
    const item = this.items.get(id);
    if (item === undefined) throw new Refused(404, `No such container: ${id}`);
    return item;
  }

  /** What a container of the double is called in the log: its project's colour and service. */
  nameOf(item: Item): string {
    return `${item.labels['com.docker.compose.project'] ?? item.name}/${item.labels['com.docker.compose.service'] ?? ''}`;
  }

  create(name: string, image: string, labels: Record<string, string>, more: Partial<Item> = {}): Item {
    if (!this.images.has(image)) throw new Refused(404, `No such image: ${image}`);
    if ([...this.items.values()].some((other) => other.name === name)) throw new Refused(409, `Conflict: name ${name}`);
    this.count += 1;
    const item: Item = {
      id: `c${String(this.count)}`,
      name,
      image: `id of ${image}`,
      labels,
      running: false,
      paused: false,
      restarting: false,
      restartCount: 0,
      startedAt: '',
      exitCode: 0,
      oomKilled: false,
      health: null,
      stopSeconds: null,
      addresses: {},
      addresses6: [],
      restartPolicy: 'no',
      stoppedByHand: false,
      environment: {},
      configuration: '',
      address: `127.77.${String(this.count >> 8)}.${String(this.count & 255)}`,
      ...more,
    };
    this.items.set(item.id, item);
    return item;
  }

  start(item: Item): void {
    if (item.paused) throw new Refused(409, 'cannot start a paused container');
    if (item.running) return;
    this.log.push(`start ${this.nameOf(item)}`);
    const sick = this.sick.has(item.image.slice('id of '.length));
    item.running = true;
    item.stoppedByHand = false;
    item.restarting = sick && item.restartPolicy !== 'no';
    if (sick && item.restartPolicy === 'no') item.running = false;
    item.exitCode = sick ? 1 : 0;
    item.startedAt = `start ${String(this.log.length)}`;
    item.addresses = { edge: item.address };
  }

  stop(item: Item): void {
    if (item.paused) throw new Refused(409, `container ${item.id} is paused: it cannot hear a signal`);
    item.stoppedByHand = true;
    if (!item.running) return;
    this.log.push(`stop ${this.nameOf(item)}`);
    item.running = false;
    item.restarting = false;
    item.addresses = {};
  }

  pause(item: Item): void {
    if (!item.running || item.paused) throw new Refused(409, `container ${item.id} is not running or is paused`);
    this.log.push(`pause ${this.nameOf(item)}`);
    item.paused = true;
  }

  unpause(item: Item): void {
    if (!item.paused) throw new Refused(500, `container ${item.id} is not paused`);
    this.log.push(`unpause ${this.nameOf(item)}`);
    item.paused = false;
  }

  remove(id: string): void {
    const item = this.items.get(id);
    if (item === undefined) return;
    if (item.labels['com.docker.compose.project'] !== undefined) this.log.push(`remove ${this.nameOf(item)}`);
    this.items.delete(id);
  }

  rename(item: Item, name: string): void {
    if ([...this.items.values()].some((other) => other !== item && other.name === name))
      throw new Refused(409, `Conflict: name ${name}`);
    item.name = name;
  }

  removeImage(image: string): void {
    if ([...this.items.values()].some((item) => item.image === `id of ${image}`))
      throw new Refused(409, `conflict: ${image} is in use`);
    this.images.delete(image);
  }

  /** `docker image prune --all --force`: every image that no container is of. */
  pruneImages(): void {
    const used = new Set([...this.items.values()].map(({ image }) => image));
    for (const image of [...this.images]) if (!used.has(`id of ${image}`)) this.images.delete(image);
  }

  /** The machine goes down and comes up: Docker starts what its policy says, unless it was stopped by hand. */
  reboot(): void {
    for (const item of this.items.values()) {
      const again = item.restartPolicy === 'always' || (item.restartPolicy === 'unless-stopped' && !item.stoppedByHand);
      const ran = item.running;
      item.running = false;
      item.paused = false;
      item.restarting = false;
      item.addresses = {};
      if (again && ran) this.start(item);
    }
  }

  /** `docker compose up` and `docker compose run --rm` of a rendered file; `killed` ends it after that many services. */
  compose(project: { name: string; file: string; env: string | null }, command: string[], effect: () => void): string {
    const { services } = parse(readFileSync(project.file, 'utf8')) as { services: Record<string, Service> };
    const env = project.env === null ? {} : parseEnvFile(readFileSync(project.env, 'utf8'));
    for (const name of command.filter((word) => Object.hasOwn(services, word))) {
      effect();
      if (this.refused.has(`${project.name}/${name}`)) throw new Refused(500, `${name}: cannot be started`);
      const service = filled(services[name] ?? { image: '' }, env);
      if (!this.images.has(service.image)) throw new Refused(500, `No such image: ${service.image}`);
      if (command[0] === 'run') {
        this.log.push(`run ${project.name}/${name}`);
        if (this.sick.has(service.image)) throw new Refused(500, 'exit 1');
        continue;
      }
      const configuration = JSON.stringify(service);
      const own = (item: Item): boolean =>
        item.labels['com.docker.compose.project'] === project.name &&
        item.labels['com.docker.compose.service'] === name;
      const present = [...this.items.values()].find(own);
      if (present !== undefined && present.configuration !== configuration && !command.includes('--no-recreate')) {
        if (present.paused) this.unpause(present);
        this.stop(present);
        this.remove(present.id);
      }
      const kept = [...this.items.values()].find(own);
      this.start(
        kept ??
          this.create(
            `${project.name}-${name}-1`,
            service.image,
            {
              ...service.labels,
              'com.docker.compose.project': project.name,
              'com.docker.compose.service': name,
            },
            { configuration, environment: service.environment ?? {}, restartPolicy: service.restart ?? 'no' },
          ),
      );
    }
    return '';
  }
}

/** Fills `${NAME}`, `${NAME:-default}` and `${NAME:?message}`; the last one refuses. */
function filled(service: Service, env: Record<string, string>): Service {
  const environment = Object.entries(service.environment ?? {}).map(([key, text]) => [
    key,
    text.replace(/\$\{(\w+)(?:(:?[-?])([^}]*))?\}/g, (_, name: string, operator?: string, word?: string) => {
      const value = env[name];
      if (value !== undefined && value !== '') return value;
      if (operator?.endsWith('?') === true) throw new Refused(500, `required variable ${name} is missing`);
      return operator?.endsWith('-') === true ? (word ?? '') : '';
    }),
  ]);
  return { ...service, environment: Object.fromEntries(environment) as Record<string, string> };
}
