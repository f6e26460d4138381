import { readFileSync } from 'node:fs';
import type { Replica } from './colour.ts';
import type { Container } from './container.ts';
import type { Run } from './run.ts';
import { webReplicas } from './colour.ts';

/** Seconds between SIGTERM and SIGKILL at least, whatever the compose file says. */
const GRACE_SECONDS = 30;

/** Seconds that a container of a colour gets between SIGTERM and SIGKILL. */
export function graceOf({ stopSeconds }: Pick<Container, 'stopSeconds'>): number {
  return Math.max(GRACE_SECONDS, stopSeconds ?? 0);
}

/**
 * Whether a drained colour may stay in memory for a quick way back: only while at least twice its own size would still be free, so
 * that the next deploy has room for a third set of processes until it removes this one.
 */
export function roomForWarm(availableBytes: number, colourBytes: number): boolean {
  return availableBytes >= 2 * colourBytes;
}

/** MemAvailable of a /proc/meminfo text, in bytes; 0 where the line is missing. */
export function availableMemory(meminfo: string): number {
  const found = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo);
  return found === null ? 0 : Number(found[1]) * 1024;
}

/**
 * What becomes of the old colour after draining. It stays warm, frozen (no CPU, no timers, back in milliseconds) where the kernel can
 * end a frozen process, which it cannot on cgroups v1: there it goes on running. It is stopped where memory is short or connections
 * are left, so that the app can say goodbye: a frozen one would leave them hanging. In each case the containers stay, and none of them
 * starts by itself after a reboot: the live colour alone does.
 * @param cut connections that are still open
 */
export async function retire(
  run: Run,
  old: Replica[],
  cut: number,
): Promise<'warm, frozen' | 'warm, running' | 'stopped'> {
  const running = webReplicas(old).filter(({ container }) => container.running);
  await Promise.all(running.map(({ container }) => run.docker.restartPolicy(container.id, 'no')));
  const sizes = cut > 0 ? [] : await Promise.all(running.map(({ container }) => run.docker.memory(container.id)));
  const size = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const warm = cut === 0 && roomForWarm(availableMemory(readFileSync('/proc/meminfo', 'utf8')), size);
  if (!warm) {
    await Promise.all(running.map(({ container }) => run.docker.stop(container, graceOf(container))));
    return 'stopped';
  }
  const { cgroups } = await run.docker.info();
  if (cgroups === 1) return 'warm, running';
  await Promise.all(running.map(({ container }) => run.docker.pause(container.id)));
  return 'warm, frozen';
}
