import type { ChildProcess } from 'node:child_process';
import { testHost } from '../rehearsal/hosts/host.ts';
import type { Inputs, RunnerHost } from '../rehearsal/test/action.ts';

const PORT = 2222;

/** A slow link between runner and host (bench/forwarder.ts, started in the runner). */
export interface Link {
  /** Inputs that replace those of the direct way. */
  inputs: Inputs;
  /** How many connections were opened through it so far. */
  connections: () => number;
  close: () => Promise<void>;
}

/** What the link connects. */
export interface Ends {
  runner: RunnerHost;
  vps: { host: string; port: number; knownHosts: string };
}

/** @param delayMs each way */
export async function openLink({ runner, vps }: Ends, delayMs: number): Promise<Link> {
  const host = testHost(runner.container);
  const child = host.spawn([
    ...[runner.node, `${runner.root}/bench/forwarder.ts`],
    ...['--listen', String(PORT), '--to', `${vps.host}:${String(vps.port)}`, '--delay-ms', String(delayMs)],
  ]);
  const said = await listening(child);
  return {
    inputs: {
      'vps-host': '127.0.0.1',
      'ssh-port': String(PORT),
      'known-hosts': vps.knownHosts.replaceAll(/^\S+/gm, `[127.0.0.1]:${String(PORT)}`),
    },
    connections: () =>
      said()
        .split('\n')
        .filter((line) => line.startsWith('connection ')).length,
    close: async () => {
      // Ending the client would leave the process inside; its port is its mark.
      await host.exec(['sh', '-c', 'kill $(pgrep -f "bench/forwarder[.]ts --listen $0")', String(PORT)]);
      child.kill();
    },
  };
}

async function listening(child: ChildProcess): Promise<() => string> {
  let text = '';
  await new Promise<void>((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      text += chunk.toString();
      if (text.includes('listening')) resolve();
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.on('close', () => reject(new Error(`the forwarder ended: ${text}`)));
  });
  return () => text;
}
