import { existsSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parseEnvelope } from '@delivery/release';
import { undo } from '../src/deploy.ts';
import type { Paths } from '../src/paths.ts';
import { removeColour } from '../src/steps/start.ts';
import { restoreRoute, routedNow, writeRoute } from '../src/steps/route.ts';
import { takeBack } from '../src/switch.ts';
import { liveColourOf, nextGeneration, readTruth } from '../src/truth.ts';
import { deployed, manifestOf, newHost, routeTo, store } from './host.ts';

let root: string;
let paths: Paths;
const events = { log: jest.fn() } as never;
const envelope = parseEnvelope('{"format":1,"operation":"op","options":{"drainSeconds":20}}');
beforeEach(() => {
  ({ root, paths } = newHost());
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Docker with these containers; what was stopped or removed is in `gone`. */
function docker(containers: object[]): { gone: string[]; api: never } {
  const gone: string[] = [];
  const api = {
    containers: () => Promise.resolve(containers),
    stop: ({ id }: { id: string }) => Promise.resolve(void gone.push(`stop ${id}`)),
    remove: (id: string) => Promise.resolve(void gone.push(`remove ${id}`)),
  };
  return { gone, api: api as never };
}
const container = (id: string, address: string): object => ({
  id,
  running: true,
  paused: false,
  addresses: { edge: address },
  addresses6: [],
});

describe('a switch that is taken back', () => {
  it('waits until the release of before answers by its own generation', async () => {
    store(paths, 'r1');
    deployed(paths, 'r1', 'blue');
    const before = routeTo(paths, 'r1', 'blue', 1);
    const truth = readTruth(paths);
    writeRoute({ paths }, { manifest: manifestOf('r2'), colour: 'green', generation: 2 }, truth);
    const ask = jest.fn((_: unknown, target: { generation: number }, hosts: ReadonlySet<string>) => {
      expect(readFileSync(paths.route, 'utf8')).toBe(before);
      expect(target).toMatchObject({ generation: 1, manifest: { release: 'r1' } });
      expect([...hosts]).toEqual(['shop.test']);
      return Promise.resolve();
    });
    await takeBack({ paths, events }, truth, ask);
    expect(ask).toHaveBeenCalledTimes(1);
    await takeBack({ paths, events }, truth, () => Promise.reject(new Error('sick')));
  });

  it('lets the connections to the refused colour end before it removes it', async () => {
    const server = createServer().listen(0, '127.77.0.9');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.77.0.9');
    await once(client, 'connect');
    const { gone, api } = docker([container('c1', '127.77.0.9')]);
    const run = { app: 'shop', paths, docker: api, events, envelope };
    const undone = undo(run, { colour: 'green', manifest: manifestOf('r2') }, { running: null });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const early = [...gone];
    client.destroy();
    server.close();
    await undone;
    expect(early).toEqual([]);
    expect(gone).toEqual(['stop c1', 'remove c1']);
  });

  it('uses its generation up', () => {
    const truth = readTruth(paths);
    writeRoute({ paths }, { manifest: manifestOf('r1'), colour: 'blue', generation: 1 }, truth);
    restoreRoute({ paths }, null);
    expect(nextGeneration(readTruth(paths))).toBe(2);
  });

  it('goes back by a rename', () => {
    const before = routeTo(paths, 'r1', 'blue', 1);
    writeRoute({ paths }, { manifest: manifestOf('r2'), colour: 'green', generation: 2 }, readTruth(paths));
    expect(readFileSync(paths.routeBefore, 'utf8')).toBe(before);
    restoreRoute({ paths }, before);
    expect(readFileSync(paths.route, 'utf8')).toBe(before);
    expect(existsSync(paths.routeBefore)).toBe(false);
  });
});

describe('the colour that the edge routes to', () => {
  it('is not removed, whatever the ledger says', async () => {
    deployed(paths, 'r1', 'blue');
    routeTo(paths, 'r2', 'green', 2);
    const { gone, api } = docker([container('c1', '127.77.0.10')]);
    const run = { app: 'shop', paths, docker: api, events, envelope };
    await expect(removeColour(run, 'green', 0)).rejects.toMatchObject({ code: 'routed' });
    await undo(run, { colour: 'green', manifest: manifestOf('r2') }, readTruth(paths));
    expect(gone).toEqual([]);
    expect(liveColourOf(readTruth(paths))).toBe('green');
    await removeColour(run, 'blue', 0);
    expect(gone).toEqual(['stop c1', 'remove c1']);
  });
});

describe('a release without routes', () => {
  it('takes the route file of the release before it away, and it can come back', () => {
    const before = routeTo(paths, 'r1', 'blue', 1);
    writeRoute(
      { paths },
      { manifest: manifestOf('r2', { routes: [] }), colour: 'green', generation: 2 },
      readTruth(paths),
    );
    expect(routedNow(paths)).toBeNull();
    restoreRoute({ paths }, before);
    expect(routedNow(paths)).toMatchObject({ release: 'r1' });
  });
});
