import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '@delivery/release';
import { clash, namesOverlap, readClaims, renderRoute } from '@delivery/stack';
import type { Claims } from '@delivery/stack';
import { StepError } from './failure.ts';
import { readIfThere } from './files.ts';
import type { Paths } from './paths.ts';
import type { Run } from './run.ts';
import { tlsMode } from './truth.ts';

/**
 * Refuses a release that would take what another app of this host serves: a route of the same host and path, or names that the edge and
 * Docker have only once. What others claim is what their route files say, and what those said before a switch that is still under
 * way: such a switch may go back at any time, and must not find its place taken. Throws StepError `claimed` naming the app.
 */
export function refuseClaimed(run: Pick<Run, 'app' | 'paths' | 'events'>, manifest: Manifest): void {
  const mine: Claims =
    manifest.routes.length === 0
      ? { routes: [], routers: [] }
      : readClaims(renderRoute({ manifest, colour: 'blue', generation: 1, tls: tlsMode(run.paths) }));
  for (const { app, file } of otherFiles(run.app, run.paths)) {
    if (namesOverlap(run.app, app))
      throw new StepError(
        'claimed',
        `app ${run.app}: its containers and networks would have names of the app "${app}" of this host; give one of them another name`,
      );
    const theirs = claimsOf(file, run);
    const what = theirs === null ? null : clash(mine, theirs);
    if (what !== null)
      throw new StepError(
        'claimed',
        `routes: release ${manifest.release} claims ${what}; the app "${app}" of this host has it (${file}); change the route of one of them, or remove that app`,
      );
  }
}

function claimsOf(file: string, { events }: Pick<Run, 'events'>): Claims | null {
  const text = readIfThere(file);
  if (text === null) return null;
  try {
    return readClaims(text);
  } catch (error) {
    // The edge takes no file of its directory while one is malformed; the confirmation will tell. Its own templates look malformed here.
    events.log('warning', `${file}: what it claims cannot be read (${(error as Error).message})`);
    return null;
  }
}

/** Route files of other apps, now and before a switch in progress; files of certificates are none. */
function otherFiles(app: string, paths: Paths): { app: string; file: string }[] {
  const named = (directory: string, form: RegExp): { app: string; file: string }[] =>
    listed(directory).flatMap((name) => {
      const other = form.exec(name)?.[1];
      return other === undefined || other === app ? [] : [{ app: other, file: join(directory, name) }];
    });
  return [...named(paths.dynamic, /^([^.]+)\.ya?ml$/), ...named(paths.staging, /^([^.]+)-before\.yaml$/)];
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
