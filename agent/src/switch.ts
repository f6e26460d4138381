import { parseRoute, renderColour } from '@delivery/stack';
import type { Colour } from '@delivery/release';
import { refuseClaimed } from './claims.ts';
import { colourProject, composeName, plainName, replicas, webReplicas } from './colour.ts';
import type { Replica } from './colour.ts';
import type { Container } from './container.ts';
import { DockerError } from './docker/engine.ts';
import { StepError } from './failure.ts';
import { withHostLock } from './host-lock.ts';
import { stopIfAsked } from './run.ts';
import type { Run, Target } from './run.ts';
import { confirm } from './steps/confirm.ts';
import { gate } from './steps/gate.ts';
import { restoreRoute, writeRoute } from './steps/route.ts';
import { readRelease } from './store.ts';
import type { Truth } from './truth.ts';
import type { Witness } from './witness.ts';

/** While Docker restarts, new connections are refused or held; the switch makes the edge open some. A way back must not wait for long. */
const DOCKER_MS = 10_000;
/** Of each container of a release that was not confirmed. */
const LOG_LINES = 20;

/** The colour that was live before the switch. */
export interface Old {
  colour: Colour;
  release: string;
  replicas: Replica[];
}

/** The containers of what is live (`liveNow`) as they are now; null before the first deploy. */
export async function liveColour(
  run: Pick<Run, 'paths' | 'docker'>,
  live: { release: string; colour: Colour | null } | null,
): Promise<Old | null> {
  if (live === null || live.colour === null) return null;
  const stored = readRelease(run.paths, live.release);
  if (stored === null) return null;
  const project = renderColour({ sealed: stored.sealed, manifest: stored.manifest, colour: live.colour });
  return { colour: live.colour, release: live.release, replicas: await replicas(run.docker, project) };
}

/**
 * Gate, route, confirm: the part that deploy and rollback share. Whatever fails before the confirmation puts the route file back and
 * throws; after it, the target is live.
 * @param witness is told when the switch begins and when it is confirmed
 * @returns milliseconds from the beginning of the operation to the confirmed switch
 */
export async function switchTo(
  run: Run,
  target: Target,
  truth: Truth,
  witness?: Pick<Witness, 'enter'>,
): Promise<number> {
  await run.events.step('gate', async (note) => note(await gate(run, target)));
  stopIfAsked(run);
  try {
    await run.events.step('route', async (note) => {
      if (!(await run.docker.answers(DOCKER_MS)))
        run.events.log('warning', 'Docker does not answer; the switch goes on without it');
      await withHostLock(run.paths.edgeLock, 'the edge', () => {
        refuseClaimed(run, target.manifest);
        witness?.enter('during');
        writeRoute(run, target, truth);
      });
      const { routes } = target.manifest;
      note(
        routes.length === 0 ? 'the release has no routes' : `generation ${String(target.generation)}, ${target.colour}`,
      );
    });
    await run.events.step('confirm', () => confirm(run, target, hostsOf(truth)));
  } catch (error) {
    await takeBack(run, truth);
    throw await withLastLines(run, target, error);
  }
  witness?.enter('after');
  return run.events.elapsed();
}

/** A release that the gate found healthy and the public path did not: what its containers have said about that. */
async function withLastLines(run: Run, target: Target, thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof StepError) || thrown.code !== 'unconfirmed') return thrown;
  const lines = async ({ spec, container }: Replica): Promise<string[]> =>
    (await run.docker.logs(container.id, LOG_LINES)).map((line) => `${spec.name}: ${line}`);
  const logs = await replicas(run.docker, target.project)
    .then((all) => Promise.all(webReplicas(all).map(lines)))
    .catch(() => []);
  const error = new StepError(thrown.code, thrown.message, logs.flat());
  error.step = thrown.step;
  return error;
}

/**
 * Puts the route file of before back and waits until the edge answers by it: it reads the file some tenths of a second later, and what
 * was routed must live until then. A release of before that does not answer is only said: visitors have nothing better to go to.
 * @param ask how the public path is asked
 */
export async function takeBack(
  run: Pick<Run, 'paths' | 'events'>,
  truth: Truth,
  ask: typeof confirm = confirm,
): Promise<void> {
  restoreRoute(run, truth.routeText);
  const stored = truth.route === null ? null : readRelease(run.paths, truth.route.release);
  if (truth.route === null || stored === null) return;
  const before = { manifest: stored.manifest, generation: truth.route.generation };
  try {
    await ask(run, before, hostsOf(truth));
    run.events.log('info', `release ${truth.route.release} answers again as generation ${String(before.generation)}`);
  } catch (error) {
    run.events.log('warning', `after putting the route of before back: ${(error as Error).message}`);
  }
}

/** Host names that the edge has served for this app already, so that their certificates are there. */
export function hostsOf(truth: Pick<Truth, 'routeText'>): Set<string> {
  if (truth.routeText === null) return new Set();
  parseRoute(truth.routeText);
  return new Set([...truth.routeText.matchAll(/Host\(`([^`]+)`\)/g)].map((match) => match[1] ?? ''));
}

/**
 * Gives the live containers the plain service names and the old ones their project names back, so that `docker logs <service>` shows
 * what is live. A name that belongs to something else stays there; names are a convenience and never fail a switch.
 */
export async function renameLive(run: Run, target: Pick<Target, 'project'>, old: Old | null): Promise<void> {
  const rename = async (container: Container, name: string): Promise<void> => {
    if (container.name === name) return;
    try {
      await run.docker.rename(container.id, name);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      run.events.log('warning', `container ${container.name}: cannot be named ${name}: ${error.message}`);
    }
  };
  const live = await replicas(run.docker, target.project);
  const before = old?.replicas ?? [];
  await Promise.all(
    before.map(({ container, spec }) =>
      rename(container, composeName(colourProject(run.app, old?.colour ?? 'blue'), spec)),
    ),
  );
  await Promise.all(live.map(({ container, spec }) => rename(container, plainName(spec))));
}

/** The old colour's web containers. */
export function webContainers(old: Old): Container[] {
  return webReplicas(old.replicas).map(({ container }) => container);
}
