import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Docker } from '../docker.ts';
import { readIfThere, writeAtomically } from '../files.ts';
import { holdOpenFile, readOwner } from '../lock.ts';
import type { Paths } from '../paths.ts';
import { inventory, remove as removeApp } from '../remove.ts';
import type { Inventory } from '../remove.ts';
import { atMost, badCall, sayJson, sayLines } from './call.ts';
import type { Call } from './call.ts';

/** For how long the second call is an answer to the first. */
const ANSWER_MS = 60_000;
const NOT_YET = 1;
const BUSY = 75;

/**
 * Takes the app off this host, from a shell on the host alone. The first call lists what would go and changes nothing; the same call
 * within a minute does it, as long as the list is still the same. Data (named volumes, /opt/<app>/data) stays unless a file
 * /opt/<app>/remove-data says otherwise.
 */
export async function remove({ app, paths, args, actor, terminal }: Call): Promise<number> {
  atMost(args, 0, 'remove');
  if (actor === '') throw badCall('remove: only from a shell on the host');
  const descriptor = openSync(paths.lock, 'a', 0o644);
  try {
    holdOpenFile(descriptor);
  } catch {
    closeSync(descriptor);
    const owner = readOwner(paths);
    process.stderr.write(
      `release: refused: an operation is under way${owner === null ? '' : ` (${owner.verb} ${owner.operation})`}; wait for its end\n`,
    );
    return BUSY;
  }
  const docker = new Docker();
  try {
    const withData = existsSync(join(paths.app, 'remove-data'));
    const found = await inventory({ app, paths, docker });
    if (!answered(paths, found, withData)) {
      const data = dataNotes(paths, found, withData);
      if (!terminal) sayJson({ v: 1, app, removed: false, would: found, notes: data });
      else
        sayLines([
          `this would be removed of app ${app}:`,
          ...listed(found),
          ...data,
          '',
          `nothing was removed; the same call again within ${String(ANSWER_MS / 1000)} s does it`,
        ]);
      return NOT_YET;
    }
    const { removed, kept, left } = await removeApp({ app, paths, docker }, found, withData);
    rmSync(question(paths), { force: true });
    const key = `the deploy key of ${app} opens nothing any more without ${paths.app}; the next run of provision-vps for another app of this host takes its line away`;
    if (!terminal) sayJson({ v: 1, app, removed, kept, left, notes: [key] });
    else
      sayLines([
        `removed of app ${app}:`,
        ...listed(removed),
        ...kept.map((text) => `data stays; this removes it: ${text}`),
        ...left.map((text) => `could not be removed: ${text}`),
        key,
      ]);
    return left.length === 0 ? 0 : NOT_YET;
  } finally {
    await docker.close();
    closeSync(descriptor);
  }
}

/** Whether this call follows one that listed the same within the time; notes this one otherwise. */
function answered(paths: Paths, found: Inventory, withData: boolean): boolean {
  const file = question(paths);
  const list = createHash('sha256')
    .update(JSON.stringify([found, withData]))
    .digest('hex');
  const [at, asked] = (readIfThere(file) ?? '').split(' ');
  if (asked === list && Date.now() - Number(at) < ANSWER_MS) return true;
  writeAtomically(file, `${String(Date.now())} ${list}`, { mode: 0o600 });
  return false;
}

function question(paths: Paths): string {
  return join(paths.staging, `.remove-${paths.routeName}`);
}

function listed(found: Inventory): string[] {
  const rows: [string, readonly string[]][] = [
    ['releases', found.releases],
    ['containers', found.containers],
    ['networks', found.networks],
    ['images that no other app needs', found.images],
    ['files', [...found.edge, ...found.entries]],
  ];
  return rows.flatMap(([name, items]) => (items.length === 0 ? [] : [`  ${name}: ${items.join(', ')}`]));
}

function dataNotes(paths: Paths, { volumes, data }: Inventory, withData: boolean): string[] {
  const all = [...volumes.map((name) => `volume ${name}`), ...(data === null ? [] : [data])];
  if (all.length === 0) return [];
  return [
    withData
      ? `data that would be removed too: ${all.join(', ')}`
      : `data that would stay: ${all.join(', ')}; to remove it too: touch ${join(paths.app, 'remove-data')}`,
  ];
}
