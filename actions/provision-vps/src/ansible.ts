import { buffer } from 'node:stream/consumers';
import { readInputs } from '@delivery/runner';
import { inWords } from '../../../host/provision/finding.ts';
import { FACTS_SCRIPT, parseFacts, type Facts } from '../../../host/provision/facts.ts';
import { preflight, refusal } from '../../../host/provision/preflight.ts';
import type { HostPlan } from '../../../host/provision/tasks.ts';
import { planFor, refuses } from './facts.ts';
import { readHostInputs, type HostInputs } from './inputs.ts';
import { closingSteps, stepScript, type ClosingStep } from './prove-login.ts';
import { hostScript, outcomeReader, scriptReader, taskLine, type Outcome } from './tasks.ts';

/** The inputs of the action that say what the host is to become; the rest is about how the runner reaches it, which is Ansible's here. */
export const HOST_INPUTS = [
  ...['mode', 'profile', 'app', 'repository', 'signing-public-key', 'signing-identity', 'signing-trusted-root'],
  ...['allow-run', 'admin-user', 'new-ssh-port', 'revert-seconds', 'deploy-public-key', 'deploy-user', 'agent-image'],
  ...['edge-image', 'registry-username', 'registry-password', 'tls', 'acme-email', 'tls-certificate', 'tls-key'],
  ...['docker-packages', 'open-ports', 'allow-unsupported-os', 'allow-small-host'],
];

/** The action works it out of the private key, which Ansible keeps to itself. */
const ADMIN_KEY = 'admin-public-key';

/** The scripts in the order in which they are sent; all but the first only where sshd has something to close. */
export type Phase = 'all' | 'move' | 'close' | 'confirm';

/** What playbook.yml knows: the inputs by the action's names, and what the host has answered so far. */
export interface Asked {
  inputs: Record<string, unknown>;
  /** Login that Ansible began with. */
  user: string;
  /** Output of the facts script. */
  facts: string;
  phase: Phase;
  /** How the script of this phase ended. */
  ran?: { rc: number; stdout: string; stderr: string };
}

/** What playbook.yml shows and goes by. */
export interface Told {
  lines: string[];
  changed: boolean;
  failed: boolean;
  /** The script to send now, over a new connection of this user; null where all is done. */
  next: { phase: Phase; user: string; port: number | null } | null;
}

/**
 * The action's bundle as playbook.yml calls it, with a question on stdin; its last line of output is the answer as JSON. `facts` is the script
 * that gathers them, `script` gives the one that the action would send, `outcome` reads what came back.
 */
export async function answerAnsible(verb: string | undefined): Promise<void> {
  if (verb === 'facts') return void process.stdout.write(FACTS_SCRIPT);
  try {
    const asked = JSON.parse((await buffer(process.stdin)).toString('utf8')) as Asked;
    const answer = verb === 'outcome' ? outcomeOf(asked) : { script: scriptOf(asked) };
    process.stdout.write(`\n${JSON.stringify(answer)}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

/** @throws InputError; Error when the host cannot be prepared */
export function scriptOf(asked: Asked): string {
  const { inputs, facts, plan } = read(asked);
  const { refusals } = preflight(facts, inputs);
  if (refuses(inputs, facts, refusals)) throw new Error(refusal('The host', refusals));
  if (facts.sshUnconfirmed && inputs.mode === 'apply')
    throw new Error(
      'An earlier run has changed sshd and was gone before a login proved it: the host is about to undo that by itself, run again then',
    );
  const step = stepOf(asked.phase, plan);
  return step === null ? hostScript(plan, inputs.mode) : stepScript(step);
}

export function outcomeOf(asked: Asked): Told {
  const { inputs, facts, plan } = read(asked);
  const { rc = -1, stdout = '', stderr = '' } = asked.ran ?? {};
  const step = stepOf(asked.phase, plan);
  const reader = step === null ? outcomeReader(plan, inputs.mode) : scriptReader(step.tasks, step.readings);
  for (const line of stdout.split('\n')) reader.line(line);
  const outcome = reader.end({ code: rc, stderrTail: stderr });
  const next = nextPhase(asked.phase, outcome, inputs, plan);
  const { refusals, warnings } = preflight(facts, inputs);
  // Before sshd is closed, what was read back says that it is open.
  const wrong = next === null ? [...refusals, ...outcome.findings].map(inWords) : [];
  const changes = inputs.mode === 'apply' ? ['changed'] : ['changed', 'drift'];
  return {
    lines: [
      ...(asked.phase === 'all' ? warnings.map(inWords) : []),
      ...outcome.tasks.filter(({ status }) => status !== 'ok').map(taskLine),
      ...wrong,
      ...(outcome.failure === null ? [] : [outcome.failure]),
    ],
    changed: outcome.tasks.some(({ status }) => changes.includes(status)),
    failed: outcome.failure !== null || wrong.length > 0,
    next,
  };
}

/** The step of a later phase; null is the script of all tasks. */
function stepOf(phase: Phase, plan: HostPlan): ClosingStep | null {
  return phase === 'all' ? null : closingSteps(plan)[phase];
}

function nextPhase(
  phase: Phase,
  { tasks, failure }: Outcome,
  { mode }: HostInputs,
  { ssh, ...plan }: HostPlan,
): Told['next'] {
  if (failure !== null || mode !== 'apply') return null;
  const to = { user: ssh.admin.user, port: ssh.port };
  if (phase === 'all') {
    if (!tasks.some(({ status }) => status === 'drift')) return null;
    // Another port is opened over the login that is there.
    return closingSteps({ ssh, ...plan }).move === null
      ? { phase: 'close', ...to }
      : { phase: 'move', user: '', port: null };
  }
  if (phase === 'move') return { phase: 'close', ...to };
  return phase === 'close' ? { phase: 'confirm', ...to } : null;
}

function read(asked: Asked): { inputs: HostInputs; facts: Facts; plan: HostPlan } {
  const { [ADMIN_KEY]: adminKey = null, ...given } = asked.inputs;
  const unknown = Object.keys(given).filter((name) => !HOST_INPUTS.includes(name));
  if (unknown.length > 0)
    throw new Error(`"provision" names ${unknown.join(', ')}; allowed are ${[...HOST_INPUTS, ADMIN_KEY].join(', ')}`);
  for (const name of HOST_INPUTS) process.env[`INPUT_${name.toUpperCase()}`] = String(given[name] ?? '');
  const inputs = readInputs((input) =>
    readHostInputs(input, asked.user, adminKey === null ? null : publicKey(String(adminKey))),
  );
  const facts = parseFacts(asked.facts.split(/\r?\n/));
  return { inputs, facts, plan: planFor(inputs, facts) };
}

/** `<type> <base64>` of a line of a .pub file. */
function publicKey(line: string): string {
  const found = /^((?:ssh|ecdsa|sk)-\S+ [A-Za-z0-9+/]{40,}={0,2})(?:\s|$)/.exec(line.trim())?.[1];
  if (found === undefined) throw new Error(`Input "${ADMIN_KEY}": allowed is one line of an OpenSSH public key`);
  return found;
}
