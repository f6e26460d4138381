/** The verbs of ./rehearse. */
import { parseArgs } from 'node:util';
import { BREAKS } from './verbs/change.ts';
import { down, push, rollback, status } from './verbs/later.ts';
import { up } from './verbs/up.ts';

const HELP = `usage: ./rehearse [VERB] [--instance NAME]

  up (default)                        the project's own workflows from a bare server on this machine to a rollback, as one table
  status [--json]                     address, running release, ledger, last receipt
  push [--break build|boot|health]    another release from one changed source file; a sick one is refused
  rollback [RELEASE]                  back to the previous or a named release
  down                                removes what it started, nothing else

  --instance NAME                     keeps several rehearsals apart (default: default)
`;

/** A wrong call: the message says what is allowed. */
class Usage extends Error {}

async function main(): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        instance: { type: 'string', default: 'default' },
        json: { type: 'boolean', default: false },
        break: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new Usage(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  const [verb = 'up', ...rest] = positionals;
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (rest.length > (verb === 'rollback' ? 1 : 0)) throw new Usage(`${verb} takes no "${rest.at(-1) ?? ''}"`);
  if (values.json && verb !== 'status') throw new Usage('--json belongs to status');
  if (values.break !== undefined && verb !== 'push') throw new Usage('--break belongs to push');
  const how = BREAKS.find((each) => each === values.break);
  if (values.break !== undefined && how === undefined) {
    throw new Usage(`--break is "${values.break}"; allowed are ${BREAKS.join(', ')}`);
  }
  switch (verb) {
    case 'up':
      return up(values.instance);
    case 'status':
      return status(values.instance, values.json);
    case 'push':
      return push(values.instance, how);
    case 'rollback':
      return rollback(values.instance, rest[0]);
    case 'down':
      return down(values.instance);
    default:
      throw new Usage(`no verb "${verb}"`);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`rehearse: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof Usage) console.error(HELP);
  process.exitCode = error instanceof Usage ? 64 : 1;
}
