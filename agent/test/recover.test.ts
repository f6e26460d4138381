import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parseEnvelope } from '@delivery/release';
import type { Paths } from '../src/paths.ts';
import { recover } from '../src/recover.ts';
import type { Run } from '../src/run.ts';
import { liveColour } from '../src/switch.ts';
import { liveColourOf, liveNow } from '../src/truth.ts';
import { deployed, digestOf, newHost, routeTo, SEALED, store } from './host.ts';

const IMAGE = { image: `registry.test/shop/web@${digestOf('a')}`, platforms: ['linux/amd64'] };
const SERVICES = { web: { role: 'web', ...IMAGE }, mail: { role: 'worker', ...IMAGE } } as const;
const WITH_WORKER = `${SEALED}  mail:\n    image: ${IMAGE.image}\n    x-release: {role: worker}\n`;

let root: string;
let paths: Paths;
let before: string;
let done: string[];

beforeEach(() => {
  ({ root, paths } = newHost());
  done = [];
  for (const release of ['r1', 'r2']) store(paths, release, { services: { ...SERVICES } }, WITH_WORKER);
  deployed(paths, 'r1', 'blue');
  before = routeTo(paths, 'r1', 'blue', 1);
  writeFileSync(paths.routeBefore, before);
  routeTo(paths, 'r2', 'green', 2);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** An operation that begins after one that died between the route to r2 and its record. */
function after(running: string[], workers = 'blue'): Run {
  const container = (colour: string, service: string): object => ({
    id: `${colour}-${service}`,
    name: '',
    labels: {
      'com.docker.compose.service': service,
      'delivery.release': colour === 'blue' ? 'r1' : 'r2',
      'delivery.service': service.replace(/-1$/, ''),
    },
    running: running.includes(colour),
    paused: false,
    restarting: false,
  });
  const docker = {
    containers: ([label]: string[]) => {
      const colour = label?.endsWith('blue') ? 'blue' : 'green';
      return Promise.resolve(['web-1', ...(colour === workers ? ['mail'] : [])].map((name) => container(colour, name)));
    },
    rename: () => Promise.resolve(),
    restartPolicy: () => Promise.resolve(),
    stop: ({ id }: { id: string }) => Promise.resolve(void done.push(`stop ${id}`)),
    ensureVolume: () => Promise.resolve(),
    compose: ({ name }: { name: string }, command: string[]) =>
      Promise.resolve(void done.push(`up ${name} ${command.at(-1) ?? ''}`)),
  };
  const envelope = parseEnvelope('{"format":1,"operation":"op-3"}');
  return { app: 'shop', paths, docker, envelope, events: { log: jest.fn() } } as never;
}
const yes = (): Promise<void> => Promise.resolve();
const no = (): Promise<void> => Promise.reject(new Error('unconfirmed'));

describe('an operation that died between its route and its record', () => {
  it('is adopted when the public path says so, workers included', async () => {
    const truth = await recover(after(['blue', 'green']), yes);
    expect(truth.running).toMatchObject({ release: 'r2', colour: 'green' });
    expect(done).toEqual(['stop blue-mail', 'up shop-green mail']);
  });

  it('is taken back when the edge does not serve it, although its containers run', async () => {
    const truth = await recover(after(['blue', 'green']), no);
    expect(truth.running).toMatchObject({ release: 'r1' });
    expect(readFileSync(paths.route, 'utf8')).toBe(before);
    expect(done).toEqual([]);
  });

  it('that went back to what is on record brings its secrets and its workers back', async () => {
    writeFileSync(paths.env, 'KEY=new\n');
    writeFileSync(paths.envBefore, 'KEY=old\n');
    routeTo(paths, 'r1', 'blue', 3);
    const truth = await recover(after(['blue', 'green'], 'green'), yes);
    expect(truth.running).toMatchObject({ release: 'r1', colour: 'blue', generation: 3 });
    expect(readFileSync(paths.env, 'utf8')).toBe('KEY=old\n');
    expect(done).toEqual(['stop green-mail', 'up shop-blue mail']);
  });

  it('that went forward keeps the secrets that the release was started with', async () => {
    writeFileSync(paths.env, 'KEY=new\n');
    writeFileSync(paths.envBefore, 'KEY=old\n');
    await recover(after(['blue', 'green']), yes);
    expect(readFileSync(paths.env, 'utf8')).toBe('KEY=new\n');
  });

  it('is left routed when what was before it does not run either', async () => {
    const truth = await recover(after([]), yes);
    expect(truth.route).toMatchObject({ release: 'r2' });
    expect(liveColourOf(truth)).toBe('green');
    // What is drained and put to rest after the next switch is the routed colour, not the one on record.
    expect(await liveColour(after([]), liveNow(truth))).toMatchObject({ release: 'r2', colour: 'green' });
  });
});
