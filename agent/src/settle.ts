import { carryOut, goBack, preempted } from './back.ts';
import { addressesOf } from './colour.ts';
import { StepError, toStepError } from './failure.ts';
import type { Report } from './operation.ts';
import { Door } from './preempt.ts';
import { retire } from './retire.ts';
import type { Run, Target } from './run.ts';
import { noWayBack } from './schema.ts';
import { bake } from './steps/bake.ts';
import type { Watched } from './steps/bake.ts';
import { drain } from './steps/drain.ts';
import { removeColour } from './steps/start.ts';
import { renameLive, webContainers } from './switch.ts';
import type { Old } from './switch.ts';
import type { Witness } from './witness.ts';
import { startWorkers, stopWorkers } from './workers.ts';

/** Docker is back some seconds after it was restarted. */
const DOCKER_MS = 30_000;

/** A release that visitors are on, and how long old connections to the one before it get. */
export interface Settling {
  target: Target;
  sealed: string;
  old: Old | null;
  drainSeconds: number;
  /** Only the secrets changed: nothing that knows the ones of before may stay. */
  rotated: boolean;
  /** What the watch after the switch compares by. */
  witness: Witness;
}

/**
 * What follows a confirmed switch: workers and names change over, the old colour's connections end, the new colour is watched, all at
 * once. While that goes on the old colour still runs, and a rollback is carried out at once. Throws StepError `burned` or `preempted`
 * after visitors were sent back; `report.switched` says which release they are on in any case.
 */
export async function settle(run: Run, settling: Settling, report: Report): Promise<void> {
  const { target, old } = settling;
  const barred = old === null ? null : noWayBack(run.paths, old.release, report.schema);
  // A rollback that comes in is then decided the usual way, which refuses it and says how to force it.
  const door = old === null || barred !== null ? null : await Door.open(run.paths.socket, old.release);
  // Workers may take a minute to end; visitors are on the release already, and somebody has to watch it.
  const changed = changeOver(run, settling).then(() => null, toStepError);
  const burned = await watch(run, settling, report, door, changed).then(() => null, toStepError);
  const interruption = door?.close() ?? null;
  if (interruption !== null && old !== null) {
    const { back, conclude, failure } = await carryOut(run, interruption, target, old, changed);
    report.conclude = conclude;
    if (back !== null) {
      takenBack(report);
      const error = new StepError('preempted', preempted(interruption.envelope));
      error.step = 'bake';
      throw error;
    }
    run.events.log('warning', `a rollback was asked for and did not work: ${failure?.message ?? 'unknown'}`);
  }
  if (burned !== null) {
    if (burned.code === 'burned' && barred !== null) burned.message += `; visitors stay on it: ${barred}`;
    else if (burned.code === 'burned' && old !== null) await returnTo(run, target, old, report, burned, changed);
    if (report.switched && old !== null) await leave(run, settling, old, report);
    throw burned;
  }
  if (old !== null) await rest(run, settling, old, report);
}

/** A colour that visitors have left must not start beside the live one after a reboot, however the deploy is told. */
async function leave(run: Run, settling: Settling, old: Old, report: Report): Promise<void> {
  try {
    // The watch may have ended long before their connections have.
    await drain(addressesOf(webContainers(old)), settling.drainSeconds);
    await rest(run, settling, old, report);
  } catch (error) {
    run.events.log('warning', `${old.colour} is not put to rest: ${toStepError(error).message}`);
  }
}

/** The old colour's workers end before the new one's start; then the names change. */
async function changeOver(run: Run, { target, sealed, old }: Settling): Promise<void> {
  await run.docker.answers(DOCKER_MS);
  if (old !== null) await stopWorkers(run, old.replicas);
  await startWorkers(run, target, sealed);
  await renameLive(run, target, old);
}

/** The automatic way back; the error says where visitors are. */
async function returnTo(
  run: Run,
  target: Target,
  old: Old,
  report: Report,
  burned: StepError,
  changed: Promise<unknown>,
): Promise<void> {
  try {
    await goBack(run, target, old, changed);
    takenBack(report);
    burned.message += `; visitors are back on release ${old.release}`;
  } catch (error) {
    burned.message += `; ${toStepError(error).message}`;
  }
}

/** @param changed why the workers did not change over, null where they did; a release without its workers burns */
async function watch(
  run: Run,
  settling: Settling,
  report: Report,
  door: Door | null,
  changed: Promise<StepError | null>,
): Promise<void> {
  const { target, old } = settling;
  const { events, envelope } = run;
  const ended = new AbortController();
  const asked = door === null ? [] : [door.interrupted];
  const stopped = AbortSignal.any([run.stop, ended.signal, ...asked]);
  const watching =
    envelope.options.bakeSeconds === 0
      ? null
      : bake(run, target, stopped, settling.witness, changed).catch((error: unknown): Watched => ({
          verdict: 'inconclusive',
          reason: toStepError(error).message,
        }));
  void watching?.then(({ verdict }) => {
    if (verdict === 'burned') ended.abort();
  });
  void changed.then((failure) => {
    if (failure !== null) ended.abort();
  });
  if (old === null) events.skipped('drain', 'nothing ran before');
  else
    await events.step('drain', async (note) => {
      const stop = AbortSignal.any([ended.signal, ...asked]);
      const { cut, ms } = await drain(addressesOf(webContainers(old)), settling.drainSeconds, undefined, stop);
      report.drainMs = ms;
      note(cut === 0 ? 'no connection is left' : `${String(cut)} connections are left`);
    });
  if (watching === null) events.skipped('bake', 'no bake time asked for');
  else
    await events.step('bake', async (note) => {
      const { verdict, reason, logs } = await watching;
      if (verdict === 'burned') throw new StepError('burned', reason, logs);
      note(door?.interrupted.aborted === true ? 'ended by a rollback' : `${verdict}: ${reason}`);
    });
  if (door?.interrupted.aborted === true) return;
  const failure = await changed;
  if (failure === null) return;
  const error = new StepError('burned', `workers: ${failure.message}`, failure.logs);
  error.step = 'bake';
  throw error;
}

/** The old colour has no way back to visitors but a new operation from here on. */
async function rest(run: Run, { rotated, drainSeconds }: Settling, old: Old, report: Report): Promise<void> {
  const { cut } = await drain(addressesOf(webContainers(old)), 0);
  report.cut = cut;
  if (cut > 0)
    run.events.log(
      'warning',
      `${String(cut)} connections outlived the ${String(drainSeconds)} s of draining and are cut`,
    );
  if (rotated) {
    await removeColour(run, old.colour, 0);
    run.events.log('info', `${old.colour} is removed: it knew the secrets of before`);
    return;
  }
  run.events.log('info', `${old.colour} is ${await retire(run, old.replicas, cut)}`);
}

function takenBack(report: Report): void {
  report.switched = false;
  report.switchedMs = undefined;
}
