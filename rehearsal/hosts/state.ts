/** What an instance remembers between runs: a file of the checkout that git ignores, readable for its owner only (it holds keys). */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The checkout that this module belongs to. */
export const CHECKOUT = join(import.meta.dirname, '..', '..');

/** The label that every container, volume and network of an instance carries, with the instance's name. */
export const LABEL = 'delivery.rehearsal';

/** Carries a short hash of the checkout's path, so that two checkouts never take each other's instance. */
export const CHECKOUT_LABEL = 'delivery.rehearsal.checkout';

/** A short hash of this checkout's path. */
export const CHECKOUT_KEY = createHash('sha256').update(CHECKOUT).digest('hex').slice(0, 12);

export interface VpsState {
  /** DNS name on the instance's network. */
  name: string;
  sshPort: number;
  httpPort: number;
  httpsPort: number;
}

export interface State {
  instance: string;
  /** The checkout that the runner sees at /src. */
  source: string;
  registry: { port: number; username: string; password: string };
  /** root's key on every VPS of the instance: OpenSSH's private format, and the line for authorized_keys. */
  admin: { private: string; public: string } | null;
  /** The first is `vps.test`. */
  vps: VpsState[];
}

/** Refuses names that would not do as part of a container's name. */
export function checkInstance(instance: string): void {
  if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(instance)) {
    throw new Error(
      `instance is ${JSON.stringify(instance)}; allowed are 1 to 31 of a-z, 0-9 and -, beginning with a letter or digit`,
    );
  }
}

/** Directory of an instance's state. */
export function stateDirectory(instance: string): string {
  checkInstance(instance);
  return join(CHECKOUT, '.rehearsal', instance);
}

/** Reads the state of an instance; null where there is none. */
export async function readState(instance: string): Promise<State | null> {
  const text = await readFile(join(stateDirectory(instance), 'state.json'), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as State);
}

/** Writes the state of an instance. */
export async function writeState(state: State): Promise<void> {
  const directory = stateDirectory(state.instance);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const partial = join(directory, `state.json.${process.pid}`);
  await writeFile(partial, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(partial, join(directory, 'state.json'));
}

/** Forgets an instance. */
export async function removeState(instance: string): Promise<void> {
  await rm(stateDirectory(instance), { recursive: true, force: true });
}
