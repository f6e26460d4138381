import type { Site } from './site.ts';

export interface SeenContainer {
  name: string;
  state: string;
  labels: Record<string, string>;
}

/** What is on the host, as far as nothing of it may be lost or left over. */
export interface HostState {
  ledger: string;
  env: { text: string; mode: string } | null;
  containers: SeenContainer[];
  volumes: string[];
  /** Files that only an operation in progress has. */
  traces: string[];
  /** Rows that the backing service keeps, oldest first, and its container's id. */
  rows: string[];
  store: string;
}

const MARK = '\u001e';

const SCRIPT = `
  mark() { printf '\\036'; }
  cat /opt/fixture/ledger.jsonl 2>/dev/null; mark
  stat -c %a /opt/fixture/.env 2>/dev/null; mark
  cat /opt/fixture/.env 2>/dev/null; mark
  docker ps -a --no-trunc --format '{{.ID}}' | xargs -r docker inspect -f '{"name":{{json .Name}},"state":{{json .State.Status}},"labels":{{json .Config.Labels}}}'; mark
  docker volume ls -q; mark
  find /opt/fixture /opt/edge/staging /opt/edge/dynamic \\( -name '.*.tmp' -o -name '.*.new' -o -name '.env.before' -o -name owner.json \\) -print
  find /opt/edge/staging -type f -print; mark
  store=$(docker ps -q --no-trunc --filter label=com.docker.compose.project=fixture-backing --filter label=com.docker.compose.service=store)
  printf '%s' "$store"; mark
  [ -z "$store" ] || docker exec "$store" cat /rows/rows 2>/dev/null || true`;

/** Looks at the host as root. Throws where the host's Docker does not answer. */
export async function observe(site: Site): Promise<HostState> {
  const parts = (await site.vpsShell(SCRIPT)).split(MARK);
  const [ledger = '', mode = '', env = '', containers = '', volumes = '', traces = '', store = '', rows = ''] = parts;
  const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
  return {
    ledger,
    env: mode.trim() === '' ? null : { text: env, mode: mode.trim() },
    containers: lines(containers).map((line) => {
      const { name, state, labels } = JSON.parse(line) as {
        name: string;
        state: string;
        labels: Record<string, string> | null;
      };
      return { name: name.replace(/^\//, ''), state, labels: labels ?? {} };
    }),
    volumes: lines(volumes).sort(),
    traces: [...new Set(lines(traces))].sort(),
    store: store.trim(),
    rows: lines(rows),
  };
}
