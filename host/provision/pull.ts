import { quote } from './shell.ts';
import { placedAt, type Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

/**
 * Shell that pulls an image with the registry's login in a client configuration of its own, which goes right afterwards and lies in memory;
 * leaves the client's exit code in `code`.
 */
export function pulling({ registry }: Pick<HostPlan, 'registry'>, image: string): string {
  const config =
    registry === null
      ? '{}'
      : JSON.stringify({
          auths: {
            [registry.host]: { auth: Buffer.from(`${registry.username}:${registry.password}`).toString('base64') },
          },
        });
  return `mkdir -p "$work/docker"
chmod 700 "$work/docker"
${placedAt('"$work/docker/config.json"', '600', 'root:root', config)}code=0
DOCKER_CONFIG="$work/docker" docker pull --quiet ${quote(image)} || code=$?
rm -rf "$work/docker"`;
}

/** An image that is on the host by its reference. */
export function pullTask(plan: Pick<HostPlan, 'registry'>, id: string, reason: string, image: string): Task {
  return {
    id,
    reason,
    source: 'docs/host.md',
    show: `docker image inspect ${image}`,
    check: `docker image inspect ${quote(image)} >/dev/null`,
    apply: `${pulling(plan, image)}
return "$code"`,
  };
}
