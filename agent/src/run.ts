import type { Envelope, Manifest, Colour } from '@delivery/release';
import type { Rendered } from '@delivery/stack';
import type { Docker } from './docker.ts';
import type { Events } from './events.ts';
import { StepError } from './failure.ts';
import type { Lock } from './lock.ts';
import type { Paths } from './paths.ts';

/** One deploy or rollback under way: what every step gets. */
export interface Run {
  app: string;
  verb: 'deploy' | 'rollback' | 'backing';
  paths: Paths;
  envelope: Envelope;
  docker: Docker;
  events: Events;
  lock: Lock;
  /** Set by SIGTERM. Steps before the switch end on it; once switched the operation goes on to its end. */
  stop: AbortSignal;
}

/** The release that an operation brings to life. */
export interface Target {
  manifest: Manifest;
  digest: string;
  colour: Colour;
  /** The colour's compose project. */
  project: Rendered;
  generation: number;
  /** The containers of the target ran before (a rollback), so nothing has to boot. */
  warm: boolean;
}

/** Throws where somebody asked the agent to stop and nothing is switched yet. */
export function stopIfAsked(run: Run): void {
  if (run.stop.aborted)
    throw new StepError(
      'stopped',
      'the agent was told to stop (SIGTERM) before the switch; nothing was changed for visitors',
    );
}
