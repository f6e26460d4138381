/**
 * Open-loop load against a site on this machine. Prints one JSON report.
 *   node rehearsal/load/load.ts --url https://fixture.test --address 127.0.0.1:8443 --ca ca.pem --rate 100 --seconds 20 --mix mixed
 * SIGINT or SIGTERM ends it early, with its report.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startLoad } from './run.ts';
import type { LoadOptions } from './run.ts';
import { makeTarget } from './target.ts';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    address: { type: 'string' },
    ca: { type: 'string' },
    rate: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '20' },
    mix: { type: 'string', default: 'get' },
    'timeout-ms': { type: 'string', default: '15000' },
    'slow-seconds': { type: 'string', default: '20' },
    'stream-seconds': { type: 'string', default: '5' },
    'socket-seconds': { type: 'string', default: '5' },
  },
});

function mixOf(text: string): LoadOptions['mix'] {
  if (text === 'get' || text === 'fresh' || text === 'mixed') return text;
  throw new Error(`mix: get, fresh or mixed expected, found ${text}`);
}

try {
  if (values.url === undefined) throw new Error('url: missing');
  const load = startLoad({
    target: makeTarget(
      values.url,
      values.address,
      values.ca === undefined ? undefined : readFileSync(values.ca, 'utf8'),
    ),
    rate: Number(values.rate),
    seconds: Number(values.seconds),
    mix: mixOf(values.mix),
    timeoutMs: Number(values['timeout-ms']),
    slowSeconds: Number(values['slow-seconds']),
    streamSeconds: Number(values['stream-seconds']),
    socketSeconds: Number(values['socket-seconds']),
  });
  process.once('SIGTERM', () => void load.stop());
  process.once('SIGINT', () => void load.stop());
  const report = await load.done;
  console.log(JSON.stringify(report, null, 2));
} catch (error) {
  console.error(`load: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
}
