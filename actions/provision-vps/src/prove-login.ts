import * as core from '@actions/core';
import type { Session } from '@delivery/ssh';
import { readingsShell, type Reading } from '../../../host/provision/audit.ts';
import { hostReadings } from '../../../host/provision/readings.ts';
import { renderScript } from '../../../host/provision/script.ts';
import { openPortTask, sshTask } from '../../../host/provision/ssh.ts';
import { confirmTask, revertTask } from '../../../host/provision/ssh-revert.ts';
import type { Task } from '../../../host/provision/task.ts';
import { hostTasks, type HostPlan } from '../../../host/provision/tasks.ts';
import type { Candidate, Login } from './login.ts';
import { runScript, type Outcome } from './tasks.ts';

/** Bound for one of the small scripts; restarting services is the slow part of them. */
const TIMEOUT_MS = 120_000;

export interface Securing {
  plan: HostPlan;
  /** The session that the run began with; what cannot be proven is undone over it. */
  login: Login;
  /** Opens another connection by the admin's key. */
  open: (candidate: Candidate) => Promise<Session>;
  signal: AbortSignal;
}

/**
 * Closes what is to be closed: root, passwords, the old port. Nothing is closed but over a connection of the admin user on the port that
 * is to stay, so that login was proven before; and what was closed stays closed only where the same login comes through once more. The host
 * undoes it by itself where that second proof does not come in time.
 * @returns what to put in place of the outcome's tasks of the same name; readings where something was confirmed
 */
export async function secureSsh({ plan, login, open, signal }: Securing): Promise<Outcome> {
  const { ssh } = plan;
  const { move, close, confirm } = closingSteps(plan);
  const admin: Candidate = { user: ssh.admin.user, port: ssh.port ?? login.port };
  const done: Outcome = { tasks: [], readings: [], findings: [], failure: null };
  const sessions: Login[] = [login];
  /** One phase; false where it failed. */
  const phase = async (on: Login, taken: ClosingStep, timeoutMs = TIMEOUT_MS): Promise<boolean> => {
    const ran = await runScript(on, { script: stepScript(taken), ...taken, timeoutMs, signal });
    merge(done, ran);
    return ran.failure === null;
  };
  let step = 'Before anything of sshd was changed';
  try {
    if (move !== null && !(await phase(login, move))) return await undone(done, sessions, ssh.revertSeconds);
    step =
      move !== null
        ? `sshd listened on port ${ssh.port} too, but no login came through it. A firewall of the provider has to let the port in first`
        : `Nothing of sshd was changed, because the login that is to stay does not work`;
    const first = await second(login, admin, open, sessions);
    step = 'While sshd was being changed';
    if (!(await phase(first, close))) return await undone(done, sessions, ssh.revertSeconds);
    step = `sshd was changed, but then ${admin.user} was not let in on port ${admin.port}`;
    const proven: Login = { ...admin, session: await open(admin) };
    sessions.push(proven);
    step = 'While the change of sshd was being confirmed';
    // Later than that there is nothing left to confirm.
    await phase(proven, confirm, (ssh.revertSeconds + 10) * 1000);
    const sshd = done.tasks.find(({ id, status }) => id === 'sshd' && status === 'drift');
    if (sshd) done.failure ??= `sshd is not as it was set, which is somebody else's doing: ${sshd.message}`;
    if (done.failure === null && ssh.admin.user !== 'root') await rootStaysOut(done, admin.port, open);
  } catch (error) {
    done.failure = `${step}: ${error instanceof Error ? error.message : String(error)}`;
    return await undone(done, sessions, ssh.revertSeconds);
  } finally {
    for (const each of sessions.slice(1)) each.session.close();
  }
  return done;
}

/** A script of its own on the way to a closed sshd. */
export interface ClosingStep {
  tasks: Task[];
  readings: Reading[];
}

/**
 * What closing sshd takes, step by step: another port is opened beside the old one where sshd is to move, then the rest is closed over a login of
 * the admin, then that is confirmed over a newer one. Ansible takes the same steps.
 */
export function closingSteps(plan: HostPlan): { move: ClosingStep | null; close: ClosingStep; confirm: ClosingStep } {
  const { ssh, sshPorts, deployUser } = plan;
  const moves = ssh.port !== null && sshPorts.some((port) => port !== ssh.port);
  const final = settled(plan);
  return {
    move: moves ? { tasks: [openPortTask(ssh, sshPorts)], readings: [] } : null,
    close: { tasks: [{ ...sshTask(ssh, deployUser), deferred: false }], readings: [] },
    confirm: { tasks: [confirmTask(), ...afterwards(plan, final)], readings: hostReadings(final) },
  };
}

/** The script of one such step. */
export function stepScript({ tasks, readings }: ClosingStep): string {
  return renderScript(tasks, readingsShell(readings));
}

/** A login of the admin on the port that is to stay; where the run began with such a one, that is it. */
async function second(login: Login, admin: Candidate, open: Securing['open'], sessions: Login[]): Promise<Login> {
  if (login.user === admin.user && login.port === admin.port) return login;
  const opened: Login = { ...admin, session: await open(admin) };
  sessions.push(opened);
  const { code, stderrTail } = await opened.session.exec(admin.user === 'root' ? 'true' : 'sudo -n true', {
    timeoutMs: 30_000,
  });
  if (code !== 0) throw new Error(`${admin.user} logs in, but "sudo -n true" ended with ${code}: ${stderrTail.trim()}`);
  core.info(`${admin.user} logs in by key on port ${admin.port} and becomes root`);
  return opened;
}

/** The plan once nothing but the port that stays is served. */
export function settled(plan: HostPlan): HostPlan {
  return plan.ssh.port === null ? plan : { ...plan, sshPorts: [plan.ssh.port] };
}

/** What follows from ports that are closed now; sshd itself is looked at again, as it runs. */
export function afterwards(plan: HostPlan, final: HostPlan): Task[] {
  const before = new Map(hostTasks(plan).map((task) => [task.id, `${task.check}\n${task.apply}`]));
  return hostTasks(final).filter(
    ({ id, check, apply, deferred }) => deferred || before.get(id) !== `${check}\n${apply}`,
  );
}

/** Undoes over the newest connection that still works; the host does it by itself where none does. */
async function undone(done: Outcome, sessions: readonly Login[], revertSeconds: number): Promise<Outcome> {
  // What is undone is this run's own change: nobody else will confirm it.
  const task = revertTask(0);
  // When the host has undone it by itself, there is nothing left to wait for.
  const deadline = Date.now() + Math.min(revertSeconds + 2, 30) * 1000;
  const script = renderScript([task], 'proof end done');
  for (const on of [...sessions].reverse()) {
    try {
      const timeoutMs = Math.max(deadline - Date.now(), 2000);
      const ran = await runScript(on, { script, tasks: [task], readings: [], timeoutMs });
      if (ran.failure !== null) continue;
      const reverted = ran.tasks.some(({ status }) => status === 'changed');
      done.failure = `${done.failure}. ${reverted ? 'The change of sshd has been undone: everything is open as it was before' : 'No change of sshd is left to undo'}`;
      return done;
    } catch {
      // The next connection may still be there.
    }
  }
  done.failure = `${done.failure}. No connection is left to undo it: the host does so by itself, ${revertSeconds} s after the change`;
  return done;
}

/** The proof from outside that sshd runs with what its files say. */
async function rootStaysOut(done: Outcome, port: number, open: Securing['open']): Promise<void> {
  let session: Session;
  try {
    session = await open({ user: 'root', port });
  } catch {
    return;
  }
  session.close();
  done.failure =
    'root is still let in by key, although sshd was told otherwise: is it another server that listens there?';
}

/** Results of a later script take the places of those of an earlier one. */
export function merge(into: Outcome, later: Outcome): void {
  for (const task of later.tasks) {
    const at = into.tasks.findIndex(({ id }) => id === task.id);
    // Looking again at what was changed does not make it unchanged.
    if (at === -1) into.tasks.push(task);
    else if (!(into.tasks[at]?.status === 'changed' && task.status === 'ok')) into.tasks[at] = task;
  }
  if (later.readings.length > 0) {
    into.readings = later.readings;
    into.findings = later.findings;
  }
  into.failure = later.failure ?? into.failure;
}

/** Sends the shell that undoes what an earlier run has left unconfirmed. @throws Error where that fails */
export async function settleEarlier(login: Login, signal: AbortSignal): Promise<void> {
  const task = revertTask();
  core.warning(
    'Another run has changed sshd and has not proven a login yet: where it does not do so now, it is gone, and that change is undone first',
  );
  const script = renderScript([task], 'proof end done');
  const { failure } = await runScript(login, { script, tasks: [task], readings: [], timeoutMs: TIMEOUT_MS, signal });
  if (failure !== null) throw new Error(failure);
}
