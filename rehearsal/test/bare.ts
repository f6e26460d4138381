import { addVps, attach, type Rig, type Vps } from '../hosts/rig.ts';
import type { Inputs } from './action.ts';
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
