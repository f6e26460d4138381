import { readFileSync } from 'node:fs';
import { interpolate } from '@delivery/stack';
import type { Rendered } from '@delivery/stack';
import { parse } from 'yaml';
import { StepError } from './failure.ts';
import { availableMemory } from './retire.ts';

/** What the services of some projects may take by their own limits. */
export interface DeclaredMemory {
  bytes: number;
  /** Containers that declare no limit. */
  unlimited: string[];
}

/** What the host has, in bytes. */
export interface HostMemory {
  /** The smaller of the machine's memory and the limit of the control group that the host itself is in. */
  limitBytes: number;
  availableBytes: number;
}

const UNITS: Record<string, number> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Compose's byte values: `256m`, `1.5gb`, `1073741824`; null for anything else. */
export function parseBytes(value: unknown): number | null {
  if (typeof value === 'number') return value;
  const found = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(String(value).trim());
  if (found === null) return null;
  return Math.round(Number(found[1]) * (UNITS[(found[2] ?? '').toLowerCase() || 'b'] ?? 1));
}

/**
 * Sum of the limits (`mem_limit`, `deploy.resources.limits.memory`) of rendered projects.
 * @param values of the host's `.env`, for limits that are variables
 */
export function declaredMemory(
  projects: readonly Pick<Rendered, 'text'>[],
  values: Readonly<Record<string, string>>,
): DeclaredMemory {
  const result: DeclaredMemory = { bytes: 0, unlimited: [] };
  for (const { text } of projects) {
    const { services = {} } = parse(text) as { services?: Record<string, ServiceLimits> };
    for (const [name, service] of Object.entries(services)) {
      const bytes = limitOf(service, values);
      if (bytes === null || bytes === 0) result.unlimited.push(name);
      else result.bytes += bytes;
    }
  }
  return result;
}

interface ServiceLimits {
  mem_limit?: unknown;
  deploy?: { resources?: { limits?: { memory?: unknown } } };
}

function limitOf(service: ServiceLimits, values: Readonly<Record<string, string>>): number | null {
  const limit = service.mem_limit ?? service.deploy?.resources?.limits?.memory;
  if (limit === undefined || limit === null) return null;
  try {
    return parseBytes(typeof limit === 'string' ? interpolate(limit, values, 'memory limit') : limit);
  } catch {
    // A variable that is missing is refused by its name elsewhere.
    return null;
  }
}

/** The control group's word is taken where it is smaller: in a virtual server made of a container /proc/meminfo is the machine's. */
export function hostMemory(read: (path: string) => string = readText): HostMemory {
  const meminfo = read('/proc/meminfo');
  const total = Number(/^MemTotal:\s+(\d+) kB$/m.exec(meminfo)?.[1] ?? 0) * 1024;
  const stat = /^hierarchical_memory_limit (\d+)$/m.exec(read('/sys/fs/cgroup/memory/memory.stat'))?.[1];
  const max = /^(\d+)$/m.exec(read('/sys/fs/cgroup/memory.max'))?.[1];
  const limits = [total, Number(stat ?? 0), Number(max ?? 0)].filter((bytes) => bytes > 0);
  return { limitBytes: limits.length === 0 ? 0 : Math.min(...limits), availableBytes: availableMemory(meminfo) };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Throws StepError `memory` where the limits of both colours and the backing services add up to more than the host has: then a deploy
 * could end in the kernel killing the live release. Services without a limit are not counted.
 */
export function refuseMemory(declared: DeclaredMemory, host: HostMemory): void {
  if (host.limitBytes === 0 || declared.bytes <= host.limitBytes) return;
  throw new StepError(
    'memory',
    `memory: both colours and the backing services may take ${mebibytes(declared.bytes)} by their limits, this host has ${mebibytes(host.limitBytes)}; lower the limits (mem_limit) or use a larger server`,
  );
}

export function mebibytes(bytes: number): string {
  return `${String(Math.round(bytes / 1024 ** 2))} MiB`;
}
