import { STEPS } from '@delivery/release';
import type { Step } from '@delivery/release';

export const VERBS = ['deploy', 'rollback'] as const;
export type Verb = (typeof VERBS)[number];

/** Who or what is struck, in the order of the report's columns. */
export const VICTIMS = [
  'runner',
  'agent',
  'dockerd',
  'edge',
  'new',
  'old',
  'network',
  'disk',
  'registry',
  'reboot',
] as const;
export type Victim = (typeof VICTIMS)[number];

/** What each victim is, for people. */
export const VICTIM_SAYS: Record<Victim, string> = {
  runner: "SIGKILL of the action's process on the runner",
  agent: 'SIGKILL of the agent',
  dockerd: 'SIGKILL of dockerd on the host: new connections are refused while it lays its rules of the network anew',
  edge: 'SIGKILL of Traefik',
  new: "SIGKILL of the new colour's web process",
  old: "SIGKILL of the old colour's web process",
  network: 'nothing passes between runner and host',
  disk: "no byte left on the host's disk (Docker's directory and /opt)",
  registry: 'the registry is gone',
  reboot: 'the host loses its power and starts again',
};

/** Steps of a deploy; `backing` is the one step of a verb of its own, which is called by hand. */
export const NUMBERED: readonly Step[] = STEPS.filter((step) => step !== 'backing');

/** Steps of a rollback: it needs no registry, changes no data and prunes nothing. It answers before it drains. */
const ROLLBACK_STEPS: ReadonlySet<Step> = new Set([
  'lock',
  'plan',
  'start',
  'gate',
  'route',
  'confirm',
  'record',
  'drain',
]);

/** Longest outage, in seconds from the strike, that ends by itself. Restart policies and systemd end it; nobody has to come. */
const BOUND_SECONDS = { dockerd: 5, edge: 10, colour: 15, reboot: 90 };

export interface Strike {
  verb: Verb;
  step: Step;
  victim: Victim;
}

export interface Cell extends Strike {
  /** Seconds after the strike at which the last request may fail; 0 where visitors must not notice at all. */
  outageSeconds: number;
  /** `done`: this very operation reaches its purpose in spite of the strike. `any`: it may be refused or die. */
  ends: 'done' | 'any';
}

export interface NotApplicable extends Strike {
  reason: string;
}

export type Entry = Cell | NotApplicable;

export function isCell(entry: Entry): entry is Cell {
  return 'ends' in entry;
}

export function nameOf({ verb, step, victim }: Strike): string {
  return `${verb} ${step} × ${victim}`;
}

/** Where a step comes in the order of an operation. */
function at(step: Step): number {
  return STEPS.indexOf(step);
}

/** Whether the step begins when visitors are on the new colour for good: the switch has been confirmed. */
function afterSwitch(step: Step): boolean {
  return at(step) > at('confirm');
}

function outage({ step, victim }: Strike): number {
  // docs/decisions/while-docker-restarts.md
  if (victim === 'dockerd') return BOUND_SECONDS.dockerd;
  if (victim === 'edge') return BOUND_SECONDS.edge;
  if (victim === 'reboot') return BOUND_SECONDS.reboot;
  // Before its switch nobody is on the new colour. At `route` its gate is behind it: who dies now dies as the live one does.
  if (victim === 'new') return at(step) < at('route') ? 0 : BOUND_SECONDS.colour;
  // A rollback's record comes before its drain, and its confirmation has seen the new colour answer.
  if (victim === 'old') return afterSwitch(step) ? 0 : BOUND_SECONDS.colour;
  return 0;
}

function ends({ verb, step, victim }: Strike): Cell['ends'] {
  // Where visitors may notice, a deploy that lost one of their requests says so and fails, though its release is live.
  if (victim === 'runner' || victim === 'network') return 'done';
  if (victim === 'registry') return verb === 'rollback' || at(step) > at('pull') ? 'done' : 'any';
  return 'any';
}

function whyNot({ verb, step, victim }: Strike): string | null {
  if (verb === 'rollback' && !ROLLBACK_STEPS.has(step)) return 'a rollback has no such step';
  const answered = verb === 'rollback' ? step === 'drain' : step === 'prune';
  if (answered && (victim === 'runner' || victim === 'network'))
    return 'the result is out before this step: the action has ended';
  if (verb === 'deploy' && victim === 'new' && at(step) < at('start'))
    return 'the new colour does not exist before the step start';
  return null;
}

/** Every step × victim of both verbs: a cell to run, or the reason why it makes no sense. */
export function table(): Entry[] {
  return VERBS.flatMap((verb) =>
    NUMBERED.flatMap((step) =>
      VICTIMS.map((victim): Entry => {
        const strike = { verb, step, victim };
        const reason = whyNot(strike);
        return reason === null
          ? { ...strike, outageSeconds: outage(strike), ends: ends(strike) }
          : { ...strike, reason };
      }),
    ),
  );
}
