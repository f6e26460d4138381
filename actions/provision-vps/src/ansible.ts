import { buffer } from 'node:stream/consumers';
import { readInputs } from '@delivery/runner';
import { FACTS_SCRIPT, parseFacts } from '../../../host/provision/facts.ts';
import { inWords } from '../../../host/provision/finding.ts';
import { planFor, preflight } from './facts.ts';
import { readHostInputs } from './inputs.ts';
import { hostScript, outcomeReader, taskLine } from './tasks.ts';

/** The inputs of the action that say what the host is to become; the rest is about how the runner reaches it, which is Ansible's here. */
export const HOST_INPUTS = [
  ...['mode', 'profile', 'app', 'repository', 'signing-public-key', 'signing-identity', 'signing-trusted-root'],
  ...['allow-run', 'deploy-public-key', 'deploy-user', 'agent-image', 'edge-image', 'registry-username'],
  ...[
    'registry-password',
    'tls',
    'acme-email',
    'tls-certificate',
    'tls-key',
    'allow-unsupported-os',
    'allow-small-host',
    'docker-packages',
  ],
];

/** What playbook.yml knows: the inputs by the action's names, and what the host has answered so far. */
export interface Asked {
  inputs: Record<string, unknown>;
  /** Login that Ansible uses. */
  user: string;
  /** Output of the facts script. */
  facts: string;
  /** How the script of the tasks ended. */
  ran?: { rc: number; stdout: string; stderr: string };
}

/** The part of the outcome that playbook.yml shows and judges by. */
export interface Told {
  lines: string[];
  changed: boolean;
  failed: boolean;
}

/**
 * The action's bundle as playbook.yml calls it, with a question on stdin; its last line of output is the answer as JSON. `facts` and `tasks`
 * give the scripts that the action would send, `outcome` reads what came back.
 */
export async function answerAnsible(verb: string | undefined): Promise<void> {
  if (verb === 'facts') return void process.stdout.write(FACTS_SCRIPT);
  try {
    const asked = JSON.parse((await buffer(process.stdin)).toString('utf8')) as Asked;
    const answer = verb === 'outcome' ? outcomeOf(asked) : scriptOf(asked);
    process.stdout.write(`\n${JSON.stringify(answer)}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

/** @throws InputError; Error when the host cannot be prepared */
export function scriptOf(asked: Asked): { script: string } {
  const { inputs, facts, plan } = read(asked);
  preflight('The host', facts, inputs);
  return { script: hostScript(plan, inputs.mode) };
}

export function outcomeOf(asked: Asked): Told {
  const { inputs, facts, plan } = read(asked);
  const { rc = -1, stdout = '', stderr = '' } = asked.ran ?? {};
  const reader = outcomeReader(plan, inputs.mode);
  for (const line of stdout.split('\n')) reader.line(line);
  const { tasks, findings, failure } = reader.end({ code: rc, stderrTail: stderr });
  const { refusals, warnings } = preflight('The host', facts, inputs);
  const wrong = [...refusals, ...findings].map(inWords);
  return {
    lines: [
      ...warnings.map(inWords),
      ...tasks.filter(({ status }) => status !== 'ok').map(taskLine),
      ...wrong,
      ...(failure === null ? [] : [failure]),
    ],
    changed: tasks.some(({ status }) => status === 'changed' || status === 'drift'),
    failed: failure !== null || wrong.length > 0,
  };
}

function read(asked: Asked) {
  const unknown = Object.keys(asked.inputs).filter((name) => !HOST_INPUTS.includes(name));
  if (unknown.length > 0)
    throw new Error(`"provision" names ${unknown.join(', ')}; allowed are the inputs ${HOST_INPUTS.join(', ')}`);
  for (const name of HOST_INPUTS) process.env[`INPUT_${name.toUpperCase()}`] = String(asked.inputs[name] ?? '');
  const inputs = readInputs((input) => readHostInputs(input, asked.user));
  const facts = parseFacts(asked.facts.split(/\r?\n/));
  return { inputs, facts, plan: planFor(inputs, facts) };
}
