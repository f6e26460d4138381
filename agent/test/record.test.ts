import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parseEnvelope, type ResultEvent } from '@delivery/release';
import { DockerError } from '../src/docker/engine.ts';
import { StepError } from '../src/failure.ts';
import { operate } from '../src/operation.ts';
import type { Paths } from '../src/paths.ts';
import { prune } from '../src/steps/prune.ts';
import { storedReleases } from '../src/store.ts';
import { readTruth } from '../src/truth.ts';
import { deployed, newHost, routeTo, store } from './host.ts';

let root: string;
let paths: Paths;
let lines: string[];
beforeEach(() => {
  ({ root, paths } = newHost());
  lines = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

describe('a switch that cannot be recorded', () => {
  it('fails, says so, tells what is really live, and nothing is tidied after it', async () => {
    store(paths, 'r1');
    store(paths, 'r2');
    deployed(paths, 'r1', 'blue');
    const tidied = jest.fn(() => Promise.resolve());
    const code = await operate(
      'shop',
      'deploy',
      paths,
      parseEnvelope('{"format":1,"operation":"op-2"}'),
      (_, report) => {
        routeTo(paths, 'r2', 'green', 2);
        // No digest: an entry that the ledger does not take, as a full disk would not.
        Object.assign(report, { release: 'r2', digest: null, colour: 'green', switched: true, afterwards: tidied });
        return Promise.resolve();
      },
    );
    const result = JSON.parse(lines.at(-1) ?? '') as ResultEvent;
    expect(code).toBe(1);
    expect(result).toMatchObject({
      outcome: 'failed',
      running: { release: 'r2', colour: 'green' },
      previous: { release: 'r1' },
      error: { step: 'record', code: 'unrecorded' },
    });
    expect(tidied).not.toHaveBeenCalled();
  });
});

describe('the result of a refused deploy', () => {
  it('says what the host runs, so that nobody starts another agent to ask', async () => {
    store(paths, 'r1');
    deployed(paths, 'r1', 'blue');
    const code = await operate('shop', 'deploy', paths, parseEnvelope('{"format":1,"operation":"op-2"}'), () =>
      Promise.reject(new StepError('crashed', 'web ends with 1')),
    );
    const { host, running } = JSON.parse(lines.at(-1) ?? '') as ResultEvent;
    expect(code).toBe(1);
    expect(running?.release).toBe('r1');
    expect(host?.running).toMatchObject({ release: 'r1', since: expect.stringMatching(/^20/) });
    expect(host?.operation?.id).toBe('op-2');
    expect(host?.ledger.map(({ outcome }) => outcome)).toEqual(['deployed', 'refused']);
  });
});

describe('pruning', () => {
  const docker = (missing: string[] = []): { pins: string[]; api: never } => {
    const pins: string[] = [];
    const api = {
      containers: () => Promise.resolve([]),
      createPin: (_name: string, image: string) =>
        missing.some((part) => image.includes(part))
          ? Promise.reject(new DockerError(404, 'no such image'))
          : Promise.resolve(void pins.push(image)),
      removeImage: () => Promise.resolve(),
    };
    return { pins, api: api as never };
  };
  const events = { log: jest.fn() } as never;

  it('never forgets what the edge routes to, whatever the ledger says', async () => {
    for (const release of ['r1', 'r2', 'r3', 'r4']) store(paths, release);
    deployed(paths, 'r1', 'blue');
    routeTo(paths, 'r2', 'green', 2);
    const { ledger } = readTruth(paths);
    const { pruned } = await prune({ app: 'shop', paths, docker: docker().api, events }, ledger, ['r3']);
    expect(pruned).toEqual(['r4']);
    expect(storedReleases(paths).sort()).toEqual(['r1', 'r2', 'r3']);
  });

  it('goes on past an image that is missing', async () => {
    const image = (name: string): { role: 'web'; image: string; platforms: string[] } => ({
      role: 'web',
      image: `registry.test/shop/${name}@sha256:${'a'.repeat(64)}`,
      platforms: ['linux/amd64'],
    });
    store(paths, 'r1', { services: { web: image('gone') } });
    store(paths, 'r2', { services: { web: image('here') } });
    store(paths, 'r0');
    deployed(paths, 'r1', 'blue');
    deployed(paths, 'r2', 'green');
    const { pins, api } = docker(['gone']);
    const { pruned, lost } = await prune({ app: 'shop', paths, docker: api, events }, readTruth(paths).ledger, []);
    expect(lost).toEqual(['r1']);
    expect(pins).toHaveLength(1);
    expect(pruned).toEqual(['r0']);
    expect(storedReleases(paths).sort()).toEqual(['r1', 'r2']);
  });
});
