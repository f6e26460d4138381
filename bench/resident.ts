import type { Stage } from '../rehearsal/test/stage.ts';

/** What runs on the host between operations. */
export interface Resident {
  /** Running containers that belong to no app. */
  containers: string[];
  /** Names of processes that a Debian server with Docker and fail2ban does not have by itself; `MainThread` is the fixture app's node. */
  processes: string[];
  /** Resident memory of the edge, MiB. */
  edgeMiB: number;
}

/** Debian's own, Docker's, fail2ban's, and the commands of the question itself. */
const SYSTEM =
  /^(systemd.*|\(sd-pam\)|init|dbus-daemon|agetty|cron|sshd.*|dockerd|containerd.*|docker-proxy|runc.*|fail2ban-server|ps|sh|sort|uniq|tini|unattended-upgr)$/;

/** Reads the host's own lists: running containers and processes. */
export async function resident(stage: Stage): Promise<Resident> {
  const lines = async (script: string): Promise<string[]> =>
    (await stage.vpsShell(script)).split('\n').filter((line) => line !== '');
  const containers = await lines(`docker ps --format '{{.Names}} {{.Label "delivery.service"}}'`);
  const processes = await lines('ps -N -p 2 --ppid 2 -o comm= | sort -u');
  const [kib] = await lines('ps -o rss= -C traefik');
  return {
    containers: containers.map((line) => line.trim()).filter((line) => !line.includes(' ')),
    processes: processes.map((line) => line.trim()).filter((name) => !SYSTEM.test(name)),
    edgeMiB: Math.round(Number(kib ?? 0) / 1024),
  };
}

export function residentLine({ containers, processes, edgeMiB }: Resident): string {
  return `containers beside the app's: ${containers.join(', ')}; processes beside the system's: ${processes.join(', ')} (\`MainThread\` is the app's node); the edge uses ${String(edgeMiB)} MiB`;
}
