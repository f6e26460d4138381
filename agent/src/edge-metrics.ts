import { request } from 'undici';

/** Traefik's own figures; the edge listens there inside the network namespace that the agent shares. */
export const EDGE_METRICS = 'http://127.0.0.1:8080/metrics';
const READ_MS = 2_000;

/** What the edge has counted for one of its services since it knows it. */
export interface ServiceCounts {
  requests: number;
  /** Answers 500 to 599. */
  errors: number;
  /** 502 and 504: what the edge says where the app does not answer. */
  gateway: number;
  /** Upper bound in seconds -> answers at most that slow, of plain requests (no WebSocket, no event stream). */
  buckets: ReadonlyMap<number, number>;
}

/** By the name of the edge's service, such as `shop-blue-web@file`. */
export type EdgeMetrics = ReadonlyMap<string, ServiceCounts>;

export const NO_COUNTS: ServiceCounts = { requests: 0, errors: 0, gateway: 0, buckets: new Map() };

const REQUESTS = 'traefik_service_requests_total';
const DURATION_BUCKET = 'traefik_service_request_duration_seconds_bucket';
const LINE = /^([a-zA-Z_:][\w:]*)\{(.*)\} (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Reads Prometheus text; lines of other metrics, and such as are no metric at all, are passed over. */
export function parseEdgeMetrics(text: string): EdgeMetrics {
  const found = new Map<string, { requests: number; errors: number; gateway: number; buckets: Map<number, number> }>();
  for (const line of text.split('\n')) {
    if (!line.startsWith('traefik_service_request')) continue;
    const match = LINE.exec(line);
    const [, name, labelled = '', number] = match ?? [];
    if (name !== REQUESTS && name !== DURATION_BUCKET) continue;
    const labels = new Map([...labelled.matchAll(LABEL)].map(([, key = '', value = '']) => [key, value]));
    const service = labels.get('service');
    const value = Number(number);
    if (service === undefined || !Number.isFinite(value)) continue;
    const counts = found.get(service) ?? { requests: 0, errors: 0, gateway: 0, buckets: new Map<number, number>() };
    found.set(service, counts);
    if (name === REQUESTS) {
      const code = Number(labels.get('code'));
      counts.requests += value;
      if (code >= 500 && code <= 599) counts.errors += value;
      if (code === 502 || code === 504) counts.gateway += value;
    } else if (labels.get('protocol') === 'http') {
      const bound = labels.get('le') === '+Inf' ? Infinity : Number(labels.get('le'));
      if (!Number.isNaN(bound)) counts.buckets.set(bound, (counts.buckets.get(bound) ?? 0) + value);
    }
  }
  return found;
}

/** One reading; null where the edge does not give it. */
export async function readEdgeMetrics(url: string = EDGE_METRICS): Promise<EdgeMetrics | null> {
  try {
    const answer = await request(url, { signal: AbortSignal.timeout(READ_MS) });
    const text = await answer.body.text();
    return answer.statusCode === 200 ? parseEdgeMetrics(text) : null;
  } catch {
    return null;
  }
}

export function add(a: ServiceCounts, b: ServiceCounts): ServiceCounts {
  return combine(a, b, (x, y) => x + y);
}

/**
 * What was counted between two readings. The edge forgets a service that its configuration no longer has, and counts anew when it is
 * there again: a counter that is smaller than before began at nought.
 */
export function increase(before: ServiceCounts, now: ServiceCounts): ServiceCounts {
  if (now.requests < before.requests) return now;
  return combine(now, before, (x, y) => Math.max(0, x - y));
}

/**
 * A percentile in milliseconds, interpolated within its bucket; null for no answers. What is beyond the last bound counts as that bound.
 */
export function quantile(counts: Pick<ServiceCounts, 'buckets'>, percent: number): number | null {
  const bounds = [...counts.buckets].sort(([a], [b]) => a - b);
  const total = bounds.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  const rank = (percent / 100) * total;
  let [lower, below] = [0, 0];
  for (const [bound, upTo] of bounds) {
    if (upTo >= rank) {
      if (bound === Infinity) return lower * 1000;
      const share = upTo === below ? 1 : (rank - below) / (upTo - below);
      return (lower + (bound - lower) * share) * 1000;
    }
    [lower, below] = [bound, upTo];
  }
  return lower * 1000;
}

function combine(a: ServiceCounts, b: ServiceCounts, by: (x: number, y: number) => number): ServiceCounts {
  const bounds = new Set([...a.buckets.keys(), ...b.buckets.keys()]);
  return {
    requests: by(a.requests, b.requests),
    errors: by(a.errors, b.errors),
    gateway: by(a.gateway, b.gateway),
    buckets: new Map([...bounds].map((bound) => [bound, by(a.buckets.get(bound) ?? 0, b.buckets.get(bound) ?? 0)])),
  };
}
