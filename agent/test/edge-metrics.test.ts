import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EdgeTally, openEdgeCounter } from '../src/edge-counter.ts';
import { increase, NO_COUNTS, parseEdgeMetrics, quantile } from '../src/edge-metrics.ts';
import type { EdgeMetrics, ServiceCounts } from '../src/edge-metrics.ts';

/** As the edge prints them, other metrics among them. */
const TEXT = `# HELP traefik_entrypoint_requests_total How many HTTP requests
# TYPE traefik_entrypoint_requests_total counter
traefik_entrypoint_requests_total{code="200",entrypoint="websecure",method="GET",protocol="http"} 99
# TYPE traefik_service_request_duration_seconds histogram
traefik_service_request_duration_seconds_bucket{code="200",method="GET",protocol="http",service="shop-blue-web@file",le="0.1"} 60
traefik_service_request_duration_seconds_bucket{code="200",method="GET",protocol="http",service="shop-blue-web@file",le="0.3"} 90
traefik_service_request_duration_seconds_bucket{code="200",method="GET",protocol="http",service="shop-blue-web@file",le="+Inf"} 100
traefik_service_request_duration_seconds_bucket{code="101",method="GET",protocol="websocket",service="shop-blue-web@file",le="+Inf"} 50
traefik_service_request_duration_seconds_sum{code="200",method="GET",protocol="http",service="shop-blue-web@file"} 5.5
traefik_service_request_duration_seconds_count{code="200",method="GET",protocol="http",service="shop-blue-web@file"} 100
traefik_service_requests_bytes_total{code="200",method="GET",protocol="http",service="shop-blue-web@file"} 7
traefik_service_requests_total{code="200",method="GET",protocol="http",service="shop-blue-web@file"} 100
traefik_service_requests_total{code="502",method="GET",protocol="http",service="shop-blue-web@file"} 3
traefik_service_requests_total{code="500",method="POST",protocol="http",service="shop-blue-web@file"} 2
traefik_service_requests_total{code="404",method="GET",protocol="http",service="shop-\\"odd\\"@file"} 1e+03
process_open_fds 9
`;

describe("the edge's own figures", () => {
  it('are read per service: requests, errors, and what the edge said for a silent app', () => {
    const metrics = parseEdgeMetrics(TEXT);
    expect(metrics.get('shop-blue-web@file')).toMatchObject({ requests: 105, errors: 5, gateway: 3 });
    expect(metrics.get('shop-\\"odd\\"@file')).toMatchObject({ requests: 1000, errors: 0, gateway: 0 });
    expect([...metrics.keys()]).toHaveLength(2);
  });

  it('give percentiles without WebSockets, bounded by the last bucket', () => {
    const counts = parseEdgeMetrics(TEXT).get('shop-blue-web@file') ?? NO_COUNTS;
    expect(quantile(counts, 50)).toBeCloseTo(83.3, 1);
    expect(quantile(counts, 75)).toBeCloseTo(200, 1);
    expect(quantile(counts, 95)).toBe(300);
    expect(quantile(NO_COUNTS, 95)).toBeNull();
  });

  it('may be any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseEdgeMetrics(`${TEXT}traefik_service_requests_total{${text}} ${text}`);
      }),
    );
  });

  it('are added up over readings, through whatever the edge forgets in between', () => {
    const of = (requests: number): ServiceCounts => ({ ...NO_COUNTS, requests });
    fc.assert(
      fc.property(fc.nat(100), fc.array(fc.oneof(fc.nat(50), fc.constant(null))), (start, steps) => {
        const tally = new EdgeTally();
        let counter: number | null = start;
        tally.take(new Map([['s', of(start)]]));
        let expected = 0;
        for (const step of steps) {
          if (step === null) counter = null;
          else {
            counter = (counter ?? 0) + step;
            expected += step;
          }
          tally.take(counter === null ? new Map() : new Map([['s', of(counter)]]));
        }
        expect(tally.seen('s').requests).toBe(expected);
        expect(tally.first('s').requests).toBe(start);
      }),
    );
    expect(increase(of(10), of(4)).requests).toBe(4);
  });

  it('tell the old colour from the new one, and what was before the operation from what was in it', async () => {
    const readings: EdgeMetrics[] = [
      new Map([['shop-blue-web@file', { ...NO_COUNTS, requests: 1000, gateway: 1 }]]),
      new Map([['shop-blue-web@file', { ...NO_COUNTS, requests: 1100, gateway: 1 }]]),
      new Map([['shop-green-web@file', { ...NO_COUNTS, requests: 40, errors: 2, gateway: 2 }]]),
    ];
    const counter = openEdgeCounter('shop', ['web'], 'blue', () => Promise.resolve(readings.shift() ?? null));
    await counter.read();
    await counter.close();
    expect(counter.all('blue').requests).toBe(1100);
    expect(counter.seen('green').requests).toBe(40);
    const earlier = { requests: 1000, gateway: 1 };
    expect(counter.receipt()).toEqual([
      { service: 'web', colour: 'blue', requests: 100, errors: 0, gateway: 0, earlier },
      { service: 'web', colour: 'green', requests: 40, errors: 2, gateway: 2, earlier },
    ]);
  });
});
