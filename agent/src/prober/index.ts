import { setTimeout as sleep } from 'node:timers/promises';
import { LONG_KINDS } from '@delivery/release';
import type { Manifest, Phase, ProbeKind, Receipt, Route } from '@delivery/release';
import type { Paths } from '../paths.ts';
import { questionFor, routesToConfirm, trust } from '../steps/confirm.ts';
import { explain } from './asker.ts';
import type { Asker } from './asker.ts';
import type { Door } from './door.ts';
import { http2 } from './http2.ts';
import { get, post, slow, stream, upload } from './requests.ts';
import { Samples } from './samples.ts';
import { websocket } from './websocket.ts';

/** Pause between two requests of a kind, milliseconds: enough of them to see a gap, few enough to cost nothing. */
const PAUSE_MS: Readonly<Record<ProbeKind, number>> = {
  get: 50,
  'get-fresh': 200,
  http2: 100,
  post: 200,
  upload: 500,
  slow: 250,
  websocket: 250,
  stream: 250,
};
/** How long a kind holds its connection at most; the drain has to wait for it. */
const HOLD_MS = 2_000;
const SHORTEST_HOLD_MS = 250;
/** Routes that are asked; each further one makes all of them rarer. */
const MOST_ROUTES = 4;

/** A kind of asking at a place. `fromStart` is false where the release of before does not have it. */
export interface Plan {
  kind: ProbeKind;
  /** Host and path, for messages. */
  where: string;
  pauseMs: number;
  fromStart: boolean;
  open: () => Asker;
}

export interface Prober {
  readonly samples: Samples;
  /** From here on requests count as those of this phase. */
  enter(phase: Phase): void;
  /** Ends the probing; null where there was nothing to probe. */
  close(): Promise<ReturnType<Samples['receipt']>>;
}

/**
 * Asks the app on the public path all the while a release is switched, in every way that both releases know: on the health path by a
 * kept connection, fresh ones and HTTP/2, and whatever the compose file declares as `probes`.
 * @param manifest of the release that comes
 * @param before of the release that is live; null on a first deploy, where asking begins after the switch
 * @param say takes a warning about what is not asked
 */
export function openProber(
  paths: Paths,
  manifest: Manifest,
  before: Manifest | null,
  holdMs: number,
  say: (message: string) => void,
): Prober {
  const trusted = trust(paths);
  const doorOf = ({ host }: Route): Door => ({ origin: `https://${host}`, address: '127.0.0.1', trusted });
  return startProber(plansFor(manifest, before, doorOf), holdMs, say);
}

/** What is asked: pure, but for the connections that an asker opens when it is told to ask. */
export function plansFor(manifest: Manifest, before: Manifest | null, doorOf: (route: Route) => Door): Plan[] {
  const routes = routesToConfirm(manifest).slice(0, MOST_ROUTES);
  return routes.flatMap((route) => {
    const door = doorOf(route);
    const { path, status } = questionFor(route, manifest);
    const old = before?.routes.find(({ host, path: prefix }) => host === route.host && prefix === route.path);
    const oldProbes = old === undefined ? undefined : before?.services[old.service]?.probes;
    const sameQuestion =
      before !== null &&
      old !== undefined &&
      JSON.stringify(questionFor(old, before)) === JSON.stringify({ path, status });
    const plan = (kind: ProbeKind, at: string, fromStart: boolean, open: () => Asker): Plan => ({
      kind,
      where: `https://${route.host}${at}`,
      pauseMs: PAUSE_MS[kind] * routes.length,
      fromStart,
      open,
    });
    const plans = [
      plan('get', path, sameQuestion, () => get(door, path, status, false)),
      plan('get-fresh', path, sameQuestion, () => get(door, path, status, true)),
      plan('http2', path, sameQuestion, () => http2(door, path, status)),
    ];
    const probes = manifest.services[route.service]?.probes ?? {};
    const declared: [ProbeKind, string | undefined, string | undefined, (path: string) => Asker][] = [
      ['get', probes.get, oldProbes?.get, (at) => get(door, at, null, false)],
      ['post', probes.post, oldProbes?.post, (at) => post(door, at)],
      ['upload', probes.upload, oldProbes?.upload, (at) => upload(door, at)],
      ['slow', probes.slow, oldProbes?.slow, (at) => slow(door, at)],
      ['websocket', probes.websocket, oldProbes?.websocket, (at) => websocket(door, at)],
      ['stream', probes.stream, oldProbes?.stream, (at) => stream(door, at)],
    ];
    for (const [kind, at, oldAt, make] of declared)
      if (at !== undefined) plans.push(plan(kind, at, at === oldAt, () => make(at)));
    return plans;
  });
}

/** How long a kind may hold its connection to a colour that gets `drainSeconds` to end: half of it, so that it never is what is cut. */
export function holdFor(drainSeconds: number): number {
  return Math.min(HOLD_MS, drainSeconds * 500);
}

/** Asks by all plans at once until it is closed. */
export function startProber(plans: readonly Plan[], holdMs: number, say: (message: string) => void): Prober {
  const samples = new Samples();
  const state: { phase: Phase; open: boolean } = { phase: 'before', open: true };
  const changed = new EventTarget();
  const closing = new AbortController();
  const closed = new Promise<null>((resolve) =>
    closing.signal.addEventListener('abort', () => resolve(null), { once: true }),
  );

  /** The first try of a kind, which holds nothing, says whether there is anything to lose; it counts from then on. */
  const soundAtFirst = async (plan: Plan, asker: Asker): Promise<boolean> => {
    if (plan.fromStart && (await attempt(asker, 0)).failure === null) return true;
    while (state.phase !== 'after' && state.open) await once(changed);
    if (!state.open) return false;
    const { failure } = await attempt(asker, 0);
    if (failure !== null) say(`not probed: ${plan.kind} of ${plan.where}: ${failure}`);
    return failure === null;
  };
  const attempt = async (asker: Asker, hold: number): Promise<{ ms: number; failure: string | null }> => {
    const began = performance.now();
    try {
      const ms = await asker.ask(hold);
      return { ms: ms ?? performance.now() - began, failure: null };
    } catch (error) {
      return { ms: performance.now() - began, failure: explain(error) };
    }
  };
  const loop = async (plan: Plan): Promise<void> => {
    const asker = plan.open();
    try {
      if (!(await soundAtFirst(plan, asker))) return;
      while (state.open) {
        const { phase } = state;
        const seen = await (LONG_KINDS.includes(plan.kind)
          ? Promise.race([attempt(asker, holdMs), closed])
          : attempt(asker, holdMs));
        // What was held on purpose when the probing ended says nothing either way.
        if (seen === null) break;
        samples.add({ kind: plan.kind, where: plan.where, phase, ...seen });
        await sleep(plan.pauseMs, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    } finally {
      await asker.close();
    }
  };
  const possible = plans.filter(({ kind }) => holdMs >= SHORTEST_HOLD_MS || !LONG_KINDS.includes(kind));
  const probing = Promise.all(possible.map((plan) => loop(plan)));
  return {
    samples,
    enter(phase) {
      state.phase = phase;
      changed.dispatchEvent(new Event('changed'));
    },
    async close() {
      state.open = false;
      closing.abort();
      changed.dispatchEvent(new Event('changed'));
      await probing;
      return samples.receipt();
    },
  };
}

function once(target: EventTarget): Promise<void> {
  return new Promise((resolve) => target.addEventListener('changed', () => resolve(), { once: true }));
}

/** What the prober leaves to the receipt, with what others saw. */
export function receiptOf(seen: ReturnType<Samples['receipt']>, cut: number, edge: Receipt['edge']): Receipt | null {
  return seen === null ? null : { ...seen, cut, ...(edge === undefined ? {} : { edge }) };
}
