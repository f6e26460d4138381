import { rmSync } from 'node:fs';
import { parseRoute, renderRoute } from '@delivery/stack';
import type { RouteState } from '@delivery/stack';
import { readIfThere, writeAtomically } from '../files.ts';
import { StepError } from '../failure.ts';
import type { Paths } from '../paths.ts';
import type { Run, Target } from '../run.ts';
import { tlsMode } from '../truth.ts';
import type { Truth } from '../truth.ts';

/**
 * Points the edge at the target: the route file is written beside the watched directory, read back, flushed and renamed in.
 * The generation is the fencing token: if the file is not the one that this operation was planned on, somebody else switched.
 */
export function writeRoute(run: Run, target: Target, truth: Truth): void {
  const text = renderRoute({
    manifest: target.manifest,
    colour: target.colour,
    generation: target.generation,
    tls: tlsMode(run.paths),
  });
  const said = parseRoute(text);
  if (
    said.generation !== target.generation ||
    said.release !== target.manifest.release ||
    said.colour !== target.colour
  ) {
    throw new StepError(
      'route',
      `route file: says generation ${String(said.generation)} of ${said.release}, meant is ${String(target.generation)} of ${target.manifest.release}`,
    );
  }
  const now = routedNow(run.paths);
  if ((now?.generation ?? 0) !== (truth.route?.generation ?? 0)) {
    throw new StepError(
      'fenced',
      `route file: generation ${String(now?.generation ?? 0)} is live, this operation was planned on ${String(truth.route?.generation ?? 0)}; another operation has switched meanwhile`,
    );
  }
  if (truth.routeText === null) rmSync(run.paths.routeBefore, { force: true });
  else writeAtomically(run.paths.routeBefore, truth.routeText);
  writeAtomically(run.paths.route, text, { staging: run.paths.staging });
}

/** Puts the route file back as it was before; where there was none, takes it away. */
export function restoreRoute(run: Pick<Run, 'paths'>, before: string | null): void {
  if (before === null) rmSync(run.paths.route, { force: true });
  else writeAtomically(run.paths.route, before, { staging: run.paths.staging });
}

/** What the route file that the edge watches says now; null where there is none. */
export function routedNow(paths: Paths): RouteState | null {
  const text = readIfThere(paths.route);
  return text === null ? null : parseRoute(text);
}
