import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:net';
import { must, run } from '../test/process.ts';
import type { Started } from '../test/action.ts';
import type { Held } from './hold.ts';
import { lives } from './hold.ts';
import type { Site } from './site.ts';
import type { Cell, Victim } from './table.ts';

export interface Scene {
  site: Site;
  cell: Cell;
  action: Started;
  held: Held;
  /** Colour that visitors were on when the operation began. */
  live: 'blue' | 'green';
  /** The release that the operation is to bring live. */
  wanted: string;
}

/** How a victim is struck, and what makes it whole again where that is not the host's own business. */
interface Blow {
  /** The agent stands still meanwhile. */
  hit(scene: Scene): Promise<void>;
  /** After the operation has ended: what a person would put right (a network, a disk), never what the host must do itself. */
  heal?(scene: Scene): Promise<void>;
}

/**
 * Ends the web processes of a colour as a crash does: the kernel kills, Docker's restart policy answers. Waits for one to run; with `$2`
 * only those of that release are meant.
 */
const KILL_COLOUR = `
  for try in $(seq 1 100); do
    for id in $(docker ps -q --filter "label=com.docker.compose.project=fixture-$1" \${2:+--filter "label=delivery.release=$2"}); do
      pid=$(docker inspect -f '{{.State.Pid}}' "$id") || continue
      [ "$pid" -gt 0 ] && kill -9 "$pid" && exit 0
    done
    sleep 0.1
  done
  echo "no container of colour $1 runs" >&2
  exit 1`;

/** Never this machine's own disk: only a file system of its own, on a loop device, is filled. */
const FILL = `
  case $(df --output=source /var/lib/docker | tail -n 1) in
    /dev/loop*) ;;
    *) echo 'the host has no disk of its own: nothing is filled' >&2; exit 1 ;;
  esac
  left() { df --output=avail -B1 /var/lib/docker | tail -n 1; }
  mkdir -p /var/lib/docker/.filler
  # What Docker gives free meanwhile is taken, too.
  for try in $(seq 1 20); do
    fallocate -l "$(left)" "/var/lib/docker/.filler/$try" 2> /dev/null || true
    dd if=/dev/zero of="/var/lib/docker/.filler/rest-$try" bs=4096 conv=fsync 2> /dev/null || true
    [ "$(left)" -gt 0 ] || break
  done
  left`;

function other(colour: 'blue' | 'green'): 'blue' | 'green' {
  return colour === 'blue' ? 'green' : 'blue';
}

/** A process on the machine is told to go on, if it is still there. */
export function goOn(pid: number): void {
  if (lives(pid)) process.kill(pid, 'SIGCONT');
}

async function runnerAddress({ site }: Scene): Promise<string> {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  return (await must('docker', ['inspect', '-f', format, site.facts.runner.container])).trim();
}

/** Waits until the port of 127.0.0.1 takes connections. */
async function listening(port: number, seconds: number): Promise<void> {
  for (let tries = 0; tries < seconds * 5; tries += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      const answer = (value: boolean): void => {
        socket.destroy();
        resolve(value);
      };
      socket
        .once('data', () => answer(true))
        .once('error', () => answer(false))
        .once('close', () => answer(false));
      socket.setTimeout(2000, () => answer(false));
    });
    if (open) return;
    await sleep(200);
  }
  throw new Error(`sshd of the host did not greet within ${String(seconds)} s after its start`);
}

export const BLOWS: Record<Victim, Blow> = {
  runner: { hit: ({ action }) => action.kill() },
  agent: {
    hit: async ({ held }) => {
      process.kill(held.pid, 'SIGKILL');
    },
  },
  dockerd: {
    hit: async ({ site }) => {
      await site.vpsShell('kill -9 "$(cat /var/run/docker.pid)"');
    },
  },
  edge: {
    hit: async ({ site }) => {
      await site.vpsShell(`docker inspect -f '{{.State.Pid}}' edge | xargs kill -9`);
    },
  },
  new: {
    hit: async ({ site, cell, held, live, wanted }) => {
      // There is none before this step: the agent goes on, and the new colour is struck as soon as it runs.
      if (cell.verb === 'deploy' && cell.step === 'start') goOn(held.pid);
      await site.vpsShell(KILL_COLOUR, other(live), wanted);
    },
  },
  old: {
    hit: async ({ site, live }) => {
      await site.vpsShell(KILL_COLOUR, live, '');
    },
  },
  network: {
    hit: async (scene) => {
      const address = await runnerAddress(scene);
      await scene.site.vpsShell('iptables -I INPUT -s "$1" -j DROP; iptables -I OUTPUT -d "$1" -j DROP', address);
    },
    heal: async (scene) => {
      const address = await runnerAddress(scene);
      await scene.site.vpsShell('iptables -D INPUT -s "$1" -j DROP; iptables -D OUTPUT -d "$1" -j DROP', address);
    },
  },
  disk: {
    hit: async ({ site }) => {
      const left = (await site.vpsShell(FILL)).trim();
      if (Number(left) > 0) throw new Error(`the disk has ${left} bytes left`);
    },
    heal: async ({ site }) => {
      await site.vpsShell('rm -rf /var/lib/docker/.filler');
    },
  },
  registry: {
    hit: async ({ site }) => {
      await must('docker', ['kill', site.facts.registry.container]);
    },
    heal: async ({ site }) => {
      await must('docker', ['start', site.facts.registry.container]);
      const script =
        'for i in $(seq 1 100); do curl -sk -o /dev/null https://registry.test:5000/v2/ && exit 0; sleep 0.1; done; exit 1';
      await must('docker', ['exec', site.facts.runner.container, 'sh', '-c', script]);
    },
  },
  reboot: {
    hit: async ({ site }) => {
      await must('docker', ['kill', site.facts.vps.container]);
      await must('docker', ['start', site.facts.vps.container]);
      await listening(site.facts.vps.sshPort, 60);
    },
  },
};

/** Undoes every blow that could be left over from a cell that broke in the middle. Never throws. */
export async function healAll(site: Site): Promise<void> {
  await run('docker', ['start', site.facts.registry.container]);
  await run('docker', ['start', site.facts.vps.container]);
  await site.vps('rm', '-rf', '/var/lib/docker/.filler');
  await site.vps(
    'sh',
    '-c',
    'for c in INPUT OUTPUT; do iptables -S $c | grep -- "-j DROP" | grep "/32" | sed "s/^-A/-D/" | while read -r rule; do iptables $rule; done; done',
  );
}
