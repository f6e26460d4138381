import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { liveHistory, previous, running } from '@delivery/release';
import fc from 'fast-check';
import { hostPaths } from '../src/paths.ts';
import { imageOf, newRoot, releaseOf } from './world/releases.ts';
import { mockHost, World, type Ended } from './world/world.ts';

mockHost();

/** Releases that run, and releases whose program ends at once. */
const SOUND = [1, 2, 3, 4, 5, 6, 7];
const SICK = [8, 9];
/** Random histories; more of them with MODEL_RUNS. */
const RUNS = Number(process.env['MODEL_RUNS'] ?? '8');

/** What the host must remember: the releases that went live, in order, and the secret that the app has. */
interface Model {
  history: string[];
  key: string | null;
  /** Somebody removed unused images on the host: a release that no pin keeps may have lost its own. */
  imagesPruned: boolean;
}

const live = (model: Model): string | null => model.history.at(-1) ?? null;
const before = (model: Model): string | null => model.history.findLast((release) => release !== live(model)) ?? null;

/** Whether the next operation finds an earlier one's switch that is not on record, and takes it for done. */
function adopts(world: World): boolean {
  const routed = world.routed();
  const known = running(world.ledger());
  if (routed === null || (routed.generation === known?.generation && routed.release === known.release)) return false;
  return world.answer().status === 200;
}

/** What is true of the host at any time, whoever died where. */
function holds(model: Model, world: World): void {
  expect(world.wrongs).toEqual([]);
  const ledger = world.ledger();
  expect(ledger.map(({ seq }) => seq)).toEqual(ledger.map((_, index) => index + 1));
  expect(liveHistory(ledger).map(({ release }) => release)).toEqual(model.history);
  if (model.history.length > 0) {
    expect(world.routed()).not.toBeNull();
    expect({ routed: world.routed(), ...world.answer() }).toMatchObject({ status: 200 });
  }
  for (const release of [running(ledger)?.release, previous(ledger)?.release, world.routed()?.release]) {
    if (release === undefined) continue;
    expect({ release, kept: existsSync(join(world.paths.releases, release, 'digest')) }).toEqual({
      release,
      kept: true,
    });
    const image = imageOf(Number(release.slice(1)));
    if (!model.imagesPruned) expect({ image, here: world.engine.images.has(image) }).toEqual({ image, here: true });
  }
  generationsGrow(world.routes);
  if (existsSync(world.paths.env)) {
    expect(readFileSync(world.paths.env, 'utf8')).toMatch(/^(KEY=k\d\n)?$/);
    expect(statSync(world.paths.env).mode & 0o777).toBe(0o600);
  }
  expect(world.workers().length).toBeLessThanOrEqual(1);
}

/** A text of the route file is a new one with a number above all before it, or one of before that is put back. */
function generationsGrow(routes: readonly (string | null)[]): void {
  const seen = new Set<string>();
  let highest = 0;
  for (const text of routes) {
    if (text === null || seen.has(text)) continue;
    const generation = Number(/X-Edge-Generation: "(\d+)"/.exec(text)?.[1]);
    expect(generation).toBeGreaterThan(highest);
    highest = generation;
    seen.add(text);
  }
}

abstract class Operation implements fc.AsyncCommand<Model, World> {
  readonly diesAt: number | null;
  constructor(diesAt: number | null) {
    this.diesAt = diesAt;
  }

  check(): boolean {
    return true;
  }

  /** Does it. Gives the release that is live afterwards, null where that stays as it is. */
  protected abstract act(model: Model, world: World): Promise<{ ended: Ended; expected: string | null }>;

  async run(model: Model, world: World): Promise<void> {
    const adopted = adopts(world) ? [world.routed()?.release ?? ''] : [];
    const now = { ...model, history: [...model.history, ...adopted] };
    const { ended, expected } = await this.act(now, world);
    if (ended.died) {
      // How far it came is open; it came no further than to its purpose.
      const found = liveHistory(world.ledger()).map(({ release }) => release);
      const possible = [model.history, now.history, [...now.history, ...(expected === null ? [] : [expected])]];
      expect(possible).toContainEqual(found);
      model.history = found;
    } else {
      model.history = [...now.history, ...(expected === null ? [] : [expected])];
      expect(ended.result?.running?.release ?? null).toBe(live(model));
      expect(world.routed()?.release ?? null).toBe(live(model));
      expect(existsSync(world.paths.envBefore)).toBe(false);
    }
    holds(model, world);
  }
}

class Deploy extends Operation {
  readonly number: number;
  constructor(number: number, diesAt: number | null) {
    super(diesAt);
    this.number = number;
  }

  protected override async act(model: Model, world: World): Promise<{ ended: Ended; expected: string | null }> {
    const { id, digest } = releaseOf(this.number);
    const again = id === live(model);
    const ended = await world.deploy(digest, { diesAt: this.diesAt, options: { allowOlder: true } });
    const outcome = ended.result?.outcome;
    if (SICK.includes(this.number)) {
      if (!ended.died) expect(outcome).toBe('refused');
      return { ended, expected: null };
    }
    // What runs already needs nothing, unless a part of it does not run.
    if (!ended.died) expect(again ? ['unchanged', 'deployed'] : ['deployed']).toContain(outcome);
    return { ended, expected: outcome === 'unchanged' ? null : id };
  }

  override toString(): string {
    return `deploy r${String(this.number)}${this.diesAt === null ? '' : `, dies at ${String(this.diesAt)}`}`;
  }
}

class Rotate extends Operation {
  readonly key: string;
  constructor(key: number, diesAt: number | null) {
    super(diesAt);
    this.key = `k${String(key)}`;
  }

  override check(model?: Model): boolean {
    return model !== undefined && model.history.length > 0;
  }

  protected override async act(model: Model, world: World): Promise<{ ended: Ended; expected: string | null }> {
    const release = live(model) ?? '';
    const { digest } = releaseOf(Number(release.slice(1)));
    const options = { allowOlder: true };
    const ended = await world.deploy(digest, { diesAt: this.diesAt, secrets: { KEY: this.key }, options });
    const outcome = ended.result?.outcome;
    if (!ended.died) {
      expect(['unchanged', 'deployed']).toContain(outcome);
      for (const { environment } of world.web(world.routed()?.colour ?? ''))
        expect(environment).toMatchObject({ KEY: this.key });
    }
    return { ended, expected: outcome === 'unchanged' ? null : release };
  }

  override toString(): string {
    return `rotate ${this.key}${this.diesAt === null ? '' : `, dies at ${String(this.diesAt)}`}`;
  }
}

class Rollback extends Operation {
  readonly number: number | null;
  constructor(number: number | null, diesAt: number | null) {
    super(diesAt);
    this.number = number;
  }

  protected override async act(model: Model, world: World): Promise<{ ended: Ended; expected: string | null }> {
    const wanted = this.number === null ? before(model) : `r${String(this.number)}`;
    const ended = await world.rollback(this.number === null ? null : wanted, { diesAt: this.diesAt });
    const possible = wanted !== null && wanted !== live(model) && model.history.includes(wanted);
    if (!possible) {
      if (!ended.died) expect(ended.result?.outcome).toBe('refused');
      return { ended, expected: null };
    }
    if (ended.died || ended.result?.outcome === 'rolled_back') return { ended, expected: wanted };
    // A named release may be too old to be kept; the one before never is.
    expect(ended.result?.outcome).toBe('refused');
    const gone = model.imagesPruned ? ['pruned', 'image_gone', 'images_gone'] : ['pruned'];
    expect(gone).toContain(ended.result?.error?.code);
    if (!model.imagesPruned) expect(wanted).not.toBe(before(model));
    return { ended, expected: null };
  }

  override toString(): string {
    return `roll back${this.number === null ? '' : ` to r${String(this.number)}`}${this.diesAt === null ? '' : `, dies at ${String(this.diesAt)}`}`;
  }
}

class Reboot implements fc.AsyncCommand<Model, World> {
  check = (): boolean => true;
  run(model: Model, world: World): Promise<void> {
    world.engine.reboot();
    holds(model, world);
    return Promise.resolve();
  }
  toString = (): string => 'reboot';
}

class PruneImages implements fc.AsyncCommand<Model, World> {
  check = (): boolean => true;
  run(model: Model, world: World): Promise<void> {
    world.engine.pruneImages();
    model.imagesPruned = true;
    holds(model, world);
    return Promise.resolve();
  }
  toString = (): string => 'docker image prune --all';
}

/** Mostly nothing happens; else the agent dies at one of its effects, of which an operation has about a hundred. */
const death = fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 2, arbitrary: fc.noBias(fc.nat(130)) });
const commands = fc.commands(
  [
    fc.tuple(fc.constantFrom(...SOUND), death).map(([number, diesAt]) => new Deploy(number, diesAt)),
    fc.tuple(fc.constantFrom(...SOUND), death).map(([number, diesAt]) => new Deploy(number, diesAt)),
    fc.tuple(fc.constantFrom(...SICK), death).map(([number, diesAt]) => new Deploy(number, diesAt)),
    fc.tuple(fc.nat(3), death).map(([key, diesAt]) => new Rotate(key, diesAt)),
    fc.tuple(fc.constantFrom(null, null, ...SOUND), death).map(([number, diesAt]) => new Rollback(number, diesAt)),
    fc.constant(new Reboot()),
    fc.constant(new PruneImages()),
  ],
  { maxCommands: 10, size: 'max' },
);

describe('a host that lives through anything', () => {
  it(
    'keeps serving, remembers what went live, and comes to an end of every operation',
    async () => {
      await fc.assert(
        fc.asyncProperty(commands, async (list) => {
          const root = newRoot();
          try {
            await fc.asyncModelRun(() => {
              const world = World.begin(hostPaths('shop', root));
              for (const number of [...SOUND, ...SICK]) world.publish(releaseOf(number));
              for (const number of SICK) world.engine.sick.add(imageOf(number));
              return { model: { history: [], key: null, imagesPruned: false }, real: world };
            }, list);
          } finally {
            rmSync(root, { recursive: true, force: true });
          }
        }),
        { numRuns: RUNS, endOnFailure: process.env['MODEL_SHRINK'] !== '1' },
      );
    },
    RUNS * 10_000,
  );
});
