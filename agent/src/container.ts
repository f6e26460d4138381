/** Label of a container in which an image is read: since when. */
export const READING = 'delivery.reading';

/** What the agent wants to know about a container. */
export interface Container {
  id: string;
  /** Without the leading slash. */
  name: string;
  image: string;
  labels: Record<string, string>;
  running: boolean;
  paused: boolean;
  restarting: boolean;
  restartCount: number;
  startedAt: string;
  exitCode: number;
  oomKilled: boolean;
  health: string | null;
  /** `stop_grace_period` in seconds; null where the compose file says none. */
  stopSeconds: number | null;
  /** IP address by network name, where attached and running. */
  addresses: Record<string, string>;
  /** IPv6 addresses on any network; the edge may use them instead. */
  addresses6: string[];
}

/** The part of the Engine's own document that this is made of. */
export interface InspectedContainer {
  Id: string;
  Name: string;
  Image: string;
  RestartCount: number;
  State: {
    Running: boolean;
    Paused: boolean;
    Restarting: boolean;
    StartedAt: string;
    ExitCode: number;
    OOMKilled: boolean;
    Health?: { Status: string };
  };
  Config: { Labels: Record<string, string> | null; StopTimeout?: number | null };
  NetworkSettings: { Networks: Record<string, { IPAddress?: string; GlobalIPv6Address?: string }> | null };
}

export function toContainer(found: InspectedContainer): Container {
  const networks = Object.entries(found.NetworkSettings.Networks ?? {});
  return {
    id: found.Id,
    name: found.Name.replace(/^\//, ''),
    image: found.Image,
    labels: found.Config.Labels ?? {},
    running: found.State.Running,
    paused: found.State.Paused,
    restarting: found.State.Restarting,
    restartCount: found.RestartCount,
    startedAt: found.State.StartedAt,
    exitCode: found.State.ExitCode,
    oomKilled: found.State.OOMKilled,
    health: found.State.Health?.Status ?? null,
    stopSeconds: found.Config.StopTimeout ?? null,
    addresses: Object.fromEntries(networks.flatMap(([name, { IPAddress }]) => (IPAddress ? [[name, IPAddress]] : []))),
    addresses6: networks.flatMap(([, { GlobalIPv6Address }]) => (GlobalIPv6Address ? [GlobalIPv6Address] : [])),
  };
}

/** Docker's multiplexed log stream (8 bytes of header a frame) as plain text; a terminal's stream has no headers and stays as it is. */
export function unframe(stream: Buffer): string {
  const parts: Buffer[] = [];
  let at = 0;
  while (at + 8 <= stream.length) {
    const kind = stream.readUInt8(at);
    if (kind > 2 || stream.readUIntBE(at + 1, 3) !== 0) return stream.toString('utf8');
    const size = stream.readUInt32BE(at + 4);
    parts.push(stream.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return Buffer.concat(parts).toString('utf8');
}

/** One line of a container's log; `t` is when the Engine took it, ISO with nanoseconds. */
export interface LogLine {
  t: string;
  text: string;
}

/** The Engine's log text with timestamps, one a line before the text. What has none (a torn line) belongs to the line before it. */
export function toLogLines(text: string): LogLine[] {
  const lines: LogLine[] = [];
  for (const raw of text.split('\n')) {
    const found = /^(\d{4}-\d\d-\d\dT\S+Z) ?(.*)$/s.exec(raw.trimEnd());
    if (found !== null) lines.push({ t: found[1] ?? '', text: found[2] ?? '' });
    else if (raw.trim() !== '' && lines.length > 0) {
      const last = lines[lines.length - 1];
      if (last !== undefined) last.text += ` ${raw.trimEnd()}`;
    }
  }
  return lines.filter(({ text: said }) => said !== '');
}
