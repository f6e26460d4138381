import { readSync } from 'node:fs';
import { APP_NAME, ContractError, DIGEST, ENVELOPE_MAX_BYTES, RELEASE_ID } from '@delivery/release';
import { attach } from './attach.ts';
import { deploy } from './deploy.ts';
import { envelopeFor } from './envelope.ts';
import { operate } from './operation.ts';
import { hostPaths } from './paths.ts';
import { rollback } from './rollback.ts';
import { status } from './status.ts';
import { readTruth } from './truth.ts';
import { VERSION } from './version.ts';

/** A call that cannot be understood; nothing has been done. */
const BAD_CALL = 64;

// Whoever started this may be gone at any time; the work goes on and its run file has every line.
process.on('SIGHUP', () => undefined);
process.on('SIGPIPE', () => undefined);
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

/** Standard input to its end, at most one byte more than an envelope may have. */
function readInput(): string {
  const chunks: Buffer[] = [];
  let size = 0;
  const chunk = Buffer.alloc(64 * 1024);
  while (size <= ENVELOPE_MAX_BYTES) {
    let read: number;
    try {
      read = readSync(0, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
        // The descriptor does not block: look again in a moment.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
        continue;
      }
      if ((error as NodeJS.ErrnoException).code === 'EOF') break;
      throw error;
    }
    if (read === 0) break;
    chunks.push(Buffer.from(chunk.subarray(0, read)));
    size += read;
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function main([verb, app, argument, ...rest]: string[]): Promise<number> {
  if (verb === 'version' && app === undefined)
    return say({ agent: VERSION, formats: { manifest: 1, envelope: 1, events: 1, ledger: 1 } });
  if (verb === undefined || app === undefined || !APP_NAME.test(app) || rest.length > 0)
    throw new ContractError('call', 'call: <verb> <app> [argument] is needed');
  const paths = hostPaths(app);
  switch (verb) {
    case 'version':
      return say({ agent: VERSION, formats: { manifest: 1, envelope: 1, events: 1, ledger: 1 } });
    case 'status':
      return say(await status(app, paths));
    case 'history':
      return say(readTruth(paths).ledger);
    case 'attach':
      return attach(paths, argument ?? '');
    case 'deploy': {
      if (argument === undefined || !DIGEST.test(argument))
        throw new ContractError('call', 'deploy: sha256:<64 hex> is needed');
      const envelope = envelopeFor(verb, readInput(), process.env['RELEASE_ACTOR'] ?? '');
      return operate(app, 'deploy', paths, envelope, (run, report) => deploy(run, argument, report));
    }
    case 'rollback': {
      if (argument !== undefined && !RELEASE_ID.test(argument))
        throw new ContractError('call', 'rollback: the release id is malformed');
      const envelope = envelopeFor(verb, readInput(), process.env['RELEASE_ACTOR'] ?? '');
      return operate(app, 'rollback', paths, envelope, (run, report) => rollback(run, argument ?? null, report));
    }
    default:
      throw new ContractError(
        'call',
        `verb ${JSON.stringify(verb.slice(0, 40))}: not one of deploy, rollback, attach, status, history, version`,
      );
  }
}

function say(document: unknown): number {
  process.stdout.write(`${JSON.stringify(document)}\n`);
  return 0;
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
