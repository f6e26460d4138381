import { spawn } from 'node:child_process';
import { ROOT } from './action.ts';

/** What was seen: in how many looks, and which text (by its place in the list) in whose arguments. */
export interface Sampled {
  samples: number;
  hits: { index: number; program: string }[];
}

/** Starts the sampler of argument lists; the returned function ends it. */
export async function sampleArguments(texts: string[]): Promise<() => Promise<Sampled>> {
  const child = spawn(process.execPath, [`${ROOT}/rehearsal/test/argv-sampler.ts`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8');
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: string) => {
      out += chunk;
      if (out.includes('ready\n')) resolve();
    });
  });
  child.stdin.end(JSON.stringify(texts));
  await ready;
  return async () => {
    child.kill('SIGTERM');
    await ended;
    return JSON.parse(out.replace('ready\n', '')) as Sampled;
  };
}
