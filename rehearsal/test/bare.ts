import { addVps, attach, removeVps, type Rig, type Vps } from '../hosts/rig.ts';
import { runInRunner } from './action.ts';
import type { ActionRun, Inputs, RunOptions } from './action.ts';
import { must } from './process.ts';
import type { Stage } from './stage.ts';

/** The rig that the stage's hosts belong to. */
export async function rigOf({ facts }: Stage): Promise<Rig> {
  const instance = /^rehearsal-(.+)-vps$/.exec(facts.vps.container)?.[1] ?? '';
  const rig = await attach(instance);
  if (rig === null) throw new Error(`instance ${instance} is not up`);
  return rig;
}

/** Another bare server beside the stage's own, by a DNS name that ends in `.test`. */
export async function bareVps(stage: Stage, name: string): Promise<Vps> {
  return addVps(await rigOf(stage), name);
}

/** What provision-vps needs to make of a bare server what the stage's own is. */
export function inputsFor(stage: Stage, vps: Vps): Inputs {
  return {
    ...stage.provisionInputs(),
    'vps-host': vps.name,
    'known-hosts': vps.knownHosts,
    'ssh-private-key': vps.adminKey,
  };
}

/** A VPS of one test file alone, bare until the test provisions it. */
export interface BareHost {
  vps: Vps;
  /** provision-vps with this host as its target. */
  inputs: (more?: Inputs) => Inputs;
  provision: (more?: Inputs, options?: RunOptions) => Promise<ActionRun>;
  /** A shell line as root; fails the test when it fails. */
  shell: (script: string) => Promise<string>;
  remove: () => Promise<void>;
}

/** Adds a bare VPS to the stage's instance; `name` is its DNS name and ends in `.test`. */
export async function bareHost(stage: Stage, name: string): Promise<BareHost> {
  const vps = await bareVps(stage, name);
  const inputs = (more: Inputs = {}): Inputs => ({ ...inputsFor(stage, vps), ...more });
  return {
    vps,
    inputs,
    provision: (more, options = {}) =>
      runInRunner(stage.facts.runner, 'provision-vps', inputs(more), { timeoutMs: 240_000, ...options }),
    shell: (script) => must('docker', ['exec', vps.container, 'sh', '-ec', script]),
    remove: () => removeVps(vps),
  };
}

/** The tasks of a run that came to this, from the run's log; what sshd is set to is looked at more than once. */
export function tasksWith(ran: ActionRun, marks: string): string[] {
  const lines = [...ran.log.matchAll(/^([=+~✗-]) ([a-z][a-z0-9_]*) \(/gm)];
  return [...new Set(lines.flatMap(([, mark = '', id = '']) => (marks.includes(mark) ? [id] : [])))];
}
