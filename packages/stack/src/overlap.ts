import { ContractError } from '@delivery/release';
import type { ServiceExtension } from './extension.ts';
import { parseMount } from './mounts.ts';
import { hostPaths } from './paths.ts';
import type { StackService } from './types.ts';

type ColourExtension = Extract<ServiceExtension, { role: 'web' | 'worker' | 'scheduler' }>;

/** Whether a service's containers belong to a colour, and so come and go with each release. */
export function inColour(release: ServiceExtension): release is ColourExtension {
  return release.role === 'web' || release.role === 'worker' || release.role === 'scheduler';
}

/** Whether containers of both colours run at once during a deploy. */
export function runsTwice(release: ServiceExtension): release is ColourExtension {
  return inColour(release) && (release.role === 'web' || release.overlap === true);
}

/**
 * Refuses what only one container can write at a time where two colours run beside each other: a volume, or a path of the app's data
 * on the host, that is mounted read-write and not declared shared. Host ports, container names and the host's network are refused for
 * every service of a release. Throws ContractError `overlap` that names service and volume.
 */
export function checkOverlap(app: string, services: Record<string, StackService>): void {
  for (const { name, release, compose } of Object.values(services)) {
    if (!runsTwice(release)) continue;
    const shared = release.shared ?? [];
    for (const source of new Set(writtenSources(app, name, compose['volumes']))) {
      if (shared.includes(source)) continue;
      throw new ContractError(
        'overlap',
        `compose file: service ${name}: mounts ${JSON.stringify(source)} read-write, and during a deploy two of it run beside each other: mount it read-only, keep what writes it in a worker without overlap or a backing service, or declare x-release.shared: [${source}] where its program can share it`,
      );
    }
  }
}

/** Named volumes and paths of the app's data that are mounted read-write. A volume without a name is each container's own. */
function writtenSources(app: string, service: string, volumes: unknown): string[] {
  if (!Array.isArray(volumes)) return [];
  return volumes.flatMap((entry: unknown, index) => {
    const mount = parseMount(entry, `compose file: service ${service}.volumes[${index}]`);
    const { type, source, read_only: readOnly } = mount;
    // What is not plainly read-only may become read-write when the host fills in a variable.
    if (source === undefined || readOnly === true || readOnly === 'true') return [];
    const counts = type === 'volume' || (type === 'bind' && source.startsWith(`${hostPaths.data(app)}/`));
    return counts ? [source] : [];
  });
}
