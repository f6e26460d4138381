import { APP_NAME, ContractError } from '@delivery/release';
import { envelopeFor } from './envelope.ts';
import { readInput } from './input.ts';
import { hostPaths } from './paths.ts';
import { attach } from './verbs/attach.ts';
import { backing } from './verbs/backing.ts';
import { badCall } from './verbs/call.ts';
import type { Verb } from './verbs/call.ts';
import { deploy } from './verbs/deploy.ts';
import { history } from './verbs/history.ts';
import { logs } from './verbs/logs.ts';
import { plan } from './verbs/plan.ts';
import { remove } from './verbs/remove.ts';
import { rollback } from './verbs/rollback.ts';
import { run } from './verbs/run.ts';
import { status } from './verbs/status.ts';
import { successor } from './verbs/successor.ts';
import { version } from './verbs/version.ts';

const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ['deploy', deploy],
  ['plan', plan],
  ['rollback', rollback],
  ['attach', attach],
  ['status', status],
  ['history', history],
  ['logs', logs],
  ['run', run],
  ['remove', remove],
  ['backing', backing],
  // Not among the launcher's verbs: provisioning asks it, as root, of the agent that it is about to replace.
  ['successor', successor],
  ['version', version],
]);

/** A call that cannot be understood; nothing has been done. */
const BAD_CALL = 64;

// Whoever started this may be gone at any time; the work goes on and its run file has every line.
process.on('SIGHUP', () => undefined);
process.on('SIGPIPE', () => undefined);
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

async function main([verb, app, ...args]: string[]): Promise<number> {
  if (verb === 'version' && app === undefined) return version();
  if (verb === undefined || app === undefined || !APP_NAME.test(app))
    throw badCall('call: <verb> <app> [argument ...] is needed');
  const found = VERBS.get(verb);
  if (found === undefined)
    throw badCall(`verb ${JSON.stringify(verb.slice(0, 40))}: not one of ${[...VERBS.keys()].join(', ')}`);
  const actor = process.env['RELEASE_ACTOR'] ?? '';
  return found({
    app,
    paths: hostPaths(app),
    args,
    actor,
    terminal: process.env['RELEASE_TERMINAL'] === 'yes',
    envelope: () => envelopeFor(verb, readInput(), actor),
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const reused =
    (error as NodeJS.ErrnoException).code === 'EEXIST' && (error as NodeJS.ErrnoException).syscall === 'link';
  const message = reused
    ? 'envelope: operation: this operation has run already; attach to it, or use a new id'
    : error instanceof Error
      ? error.message
      : String(error);
  process.stderr.write(`release: refused: ${message}\n`);
  process.exitCode = error instanceof ContractError || reused ? BAD_CALL : 1;
}
