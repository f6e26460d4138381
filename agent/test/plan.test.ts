import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parseEnvelope, type Ledger } from '@delivery/release';
import type { Paths } from '../src/paths.ts';
import { startedWith } from '../src/secrets.ts';
import { planDeploy } from '../src/steps/plan.ts';
import type { DeployPlan } from '../src/steps/plan.ts';
import { readTruth } from '../src/truth.ts';
import { deployed, digestOf, manifestOf, newHost, routeTo, SEALED, store } from './host.ts';

let root: string;
let paths: Paths;
beforeEach(() => {
  ({ root, paths } = newHost());
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Plans release r1 (the one that `store` writes) on a host where its web container is what `web` says. */
function plan({
  sealed = SEALED,
  secrets = {},
  pull = jest.fn(),
  created = '2026-01-01T00:00:00Z',
  options = {},
  readings = [],
  remove = jest.fn(),
}: {
  sealed?: string;
  secrets?: object;
  pull?: jest.Mock;
  created?: string;
  options?: object;
  /** Containers that are there for reading a release image. */
  readings?: object[];
  remove?: jest.Mock;
} = {}): Promise<DeployPlan> {
  const labels = { 'com.docker.compose.service': 'web-1' };
  const docker = {
    pull: (reference: string) => Promise.resolve(pull(reference)),
    removeImage: () => Promise.resolve(),
    readImage: () =>
      Promise.resolve(
        new Map([
          ['manifest.json', Buffer.from(JSON.stringify(manifestOf('r1', { created })))],
          ['compose.yaml', Buffer.from(sealed)],
        ]),
      ),
    containers: ([filter = '']: string[]) =>
      Promise.resolve(
        filter === 'delivery.reading' ? readings : [{ labels, running: true, paused: false, restarting: false }],
      ),
    remove: (id: string) => Promise.resolve(remove(id)),
  } as never;
  const envelope = parseEnvelope(
    JSON.stringify({ format: 1, operation: 'op', repository: 'registry.test/team/shop-release', secrets, options }),
  );
  const events = { log: jest.fn() } as never;
  return planDeploy({ app: 'shop', paths, docker, events, envelope }, readTruth(paths), digestOf('c'));
}

describe('a deploy of what runs already', () => {
  beforeEach(() => {
    store(paths, 'r1');
    deployed(paths, 'r1', 'blue');
    routeTo(paths, 'r1', 'blue', 1);
    writeFileSync(paths.env, 'OPTIONAL=a\n');
  });

  it('is nothing to do with the same secrets', async () => {
    expect((await plan()).unchanged).toBe(true);
    expect((await plan({ secrets: { OPTIONAL: 'a' } })).unchanged).toBe(true);
  });

  it('is a deploy with another value, also of a name that the manifest does not ask for', async () => {
    expect((await plan({ secrets: { OPTIONAL: 'b' } })).unchanged).toBe(false);
    expect((await plan({ secrets: { NEW: 'n' } })).unchanged).toBe(false);
  });
});

describe('a release that waited in a queue', () => {
  it('is refused where a newer one is live, unless it was live here before or the caller says so', async () => {
    store(paths, 'r2', { created: '2026-01-02T00:00:00Z' });
    deployed(paths, 'r2', 'blue');
    routeTo(paths, 'r2', 'blue', 1);
    await expect(plan()).rejects.toMatchObject({ code: 'stale_release' });
    await expect(plan()).rejects.toThrow(/release r1 was sealed at 2026-01-01.*before the live r2.*allow-older/);
    await expect(plan({ created: '2026-01-02T00:00:00Z' })).resolves.toMatchObject({ manifest: { release: 'r1' } });
    await expect(plan({ options: { allowOlder: true } })).resolves.toMatchObject({ manifest: { release: 'r1' } });
    rmSync(paths.ledger);
    store(paths, 'r1');
    deployed(paths, 'r1', 'green');
    deployed(paths, 'r2', 'blue');
    await expect(plan()).resolves.toMatchObject({ manifest: { release: 'r1' } });
  });
});

describe('a sealed file that would open the host', () => {
  it('is refused in planning, by the host itself', async () => {
    const privileged = SEALED.replace('    x-release:', '    privileged: true\n    x-release:');
    await expect(plan({ sealed: privileged })).rejects.toThrow(/web.*privileged/);
    const socket = SEALED.replace('    x-release:', '    volumes: [/var/run/docker.sock:/s]\n    x-release:');
    await expect(plan({ sealed: socket })).rejects.toThrow(/Docker socket/);
  });
});

describe('a container in which an agent that died was reading a release image', () => {
  it('goes with the next plan; one that may be in use stays', async () => {
    const remove = jest.fn();
    const since = (msAgo: number): object => ({ 'delivery.reading': new Date(Date.now() - msAgo).toISOString() });
    const readings = [
      { id: 'old', labels: since(3_600_000) },
      { id: 'young', labels: since(1000) },
      { id: 'unknown', labels: { 'delivery.reading': '' } },
    ];
    await plan({ readings, remove });
    expect(remove.mock.calls).toEqual([['old'], ['unknown']]);
  });
});

describe("the owner's policy", () => {
  it('is asked before anything is pulled, and again for the images', async () => {
    const pull = jest.fn();
    writeFileSync(paths.policy, '{"repository":"registry.test/others"}');
    await expect(plan({ pull })).rejects.toMatchObject({ code: 'policy' });
    expect(pull).not.toHaveBeenCalled();
    // The release may come from there, the image of its service not.
    writeFileSync(paths.policy, '{"repository":"registry.test/team"}');
    await expect(plan({ pull })).rejects.toThrow(/service web: its image/);
    rmSync(paths.policy);
    await expect(plan({ pull })).resolves.toMatchObject({ manifest: { release: 'r1' } });
  });
});

describe('containers that are kept for a rollback', () => {
  const entry = (release: string, secrets: object, outcome = 'deployed'): object => ({ release, secrets, outcome });

  it('are woken only where they were made with the secrets of today', () => {
    const ledger = [
      entry('r1', { KEY: '1' }),
      entry('r2', { KEY: '2' }),
      entry('r1', { KEY: '9' }, 'failed'),
    ] as never as Ledger;
    expect(startedWith(ledger, 'r1', { KEY: '1' })).toBe(true);
    expect(startedWith(ledger, 'r1', { KEY: '2' })).toBe(false);
    expect(startedWith(ledger, 'r1', {})).toBe(false);
    expect(startedWith(ledger, 'r0', {})).toBe(false);
  });
});
