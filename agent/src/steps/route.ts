import { renameSync, rmSync } from 'node:fs';
import { parseRoute, renderRoute } from '@delivery/stack';
import type { RouteState } from '@delivery/stack';
import { readIfThere, syncDirectory, writeAtomically } from '../files.ts';
import { StepError } from '../failure.ts';
import type { Paths } from '../paths.ts';
import type { Run, Target } from '../run.ts';
import { tlsMode } from '../truth.ts';
import type { Truth } from '../truth.ts';

/**
 * Points the edge at the target: the route file is written and flushed beside the watched directory and renamed in; for a release
 * without routes it is taken away. The generation is the fencing token: if the file is not the one that this operation was planned on,
 * somebody else switched.
 */
export function writeRoute(
  run: Pick<Run, 'paths'>,
  target: Pick<Target, 'manifest' | 'colour' | 'generation'>,
  truth: Pick<Truth, 'route' | 'routeText'>,
): void {
  const { paths } = run;
  const text = target.manifest.routes.length === 0 ? null : rendered(paths, target);
  const now = routedNow(paths);
  if ((now?.generation ?? 0) !== (truth.route?.generation ?? 0)) {
    throw new StepError(
      'fenced',
      `route file: generation ${String(now?.generation ?? 0)} is live, this operation was planned on ${String(truth.route?.generation ?? 0)}; another operation has switched meanwhile`,
    );
  }
  if (truth.routeText === null) rmSync(paths.routeBefore, { force: true });
  else writeAtomically(paths.routeBefore, truth.routeText);
  writeAtomically(paths.generation, `${String(target.generation)}\n`);
  if (text === null) removeRoute(paths);
  else writeAtomically(paths.route, text, { staging: paths.staging });
}

function rendered(
  paths: Paths,
  { manifest, colour, generation }: Pick<Target, 'manifest' | 'colour' | 'generation'>,
): string {
  const text = renderRoute({ manifest, colour, generation, tls: tlsMode(paths) });
  const said = parseRoute(text);
  if (said.generation !== generation || said.release !== manifest.release || said.colour !== colour) {
    throw new StepError(
      'route',
      `route file: says generation ${String(said.generation)} of ${said.release}, meant is ${String(generation)} of ${manifest.release}`,
    );
  }
  return text;
}

/** Puts the route file back as it was before; where there was none, takes it away. */
export function restoreRoute({ paths }: Pick<Run, 'paths'>, before: string | null): void {
  if (before === null) removeRoute(paths);
  else if (readIfThere(paths.routeBefore) === before) {
    renameSync(paths.routeBefore, paths.route);
    syncDirectory(paths.dynamic);
  } else writeAtomically(paths.route, before, { staging: paths.staging });
}

function removeRoute(paths: Paths): void {
  rmSync(paths.route, { force: true });
  syncDirectory(paths.dynamic);
}

/** What the route file that the edge watches says now; null where there is none. */
export function routedNow(paths: Paths): RouteState | null {
  const text = readIfThere(paths.route);
  return text === null ? null : parseRoute(text);
}
