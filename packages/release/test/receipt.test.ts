import { describe, expect, it } from '@jest/globals';
import { cutOff, dropped, ReceiptSchema } from '../src/index.ts';
import type { EdgeCounts, Receipt } from '../src/index.ts';

const first: Receipt = { requests: 100, failures: 0, cut: 0, p50Ms: 1, p95Ms: 2, p99Ms: 3 };
const none = { requests: 0, failures: 0, p50Ms: null, p95Ms: null, p99Ms: null };
const some = { requests: 50, failures: 0, p50Ms: 1, p95Ms: 2, p99Ms: 3 };
const edge = (overrides: Partial<EdgeCounts>): EdgeCounts => ({
  service: 'web',
  colour: 'green',
  requests: 100,
  errors: 0,
  gateway: 0,
  earlier: { requests: 10_000, gateway: 0 },
  ...overrides,
});

describe('the zero-drop receipt', () => {
  it('reads the first shape, the second and a later one with more in it', () => {
    expect(ReceiptSchema.parse(first)).toEqual(first);
    const second: Receipt = {
      ...first,
      v: 2,
      phases: { before: some, during: none, after: some },
      kinds: { get: { before: some, during: none, after: some } },
      firstFailures: [],
      edge: [edge({})],
    };
    expect(ReceiptSchema.parse(second)).toEqual(second);
    expect(ReceiptSchema.parse({ ...second, later: 1 })).toEqual(second);
    expect(() => ReceiptSchema.parse({ ...second, requests: -1 })).toThrow();
  });

  it('says nothing where nothing was lost', () => {
    expect(dropped(first)).toBeNull();
    expect(dropped({ ...first, edge: [edge({ errors: 3 })] })).toBeNull();
  });

  it('names failed requests with the first of them', () => {
    const failed = {
      ...first,
      failures: 2,
      firstFailures: ['get https://shop.test/health during the switch: status 502'],
    };
    expect(dropped(failed)).toBe(
      '2 of 100 requests on the public path failed (first: get https://shop.test/health during the switch: status 502)',
    );
    expect(dropped({ ...first, failures: 1 })).toBe('1 of 100 requests on the public path failed');
  });

  it('names connections that outlived the drain limit apart from what was lost', () => {
    expect(cutOff({ ...first, cut: 3 })).toMatch(/^3 connections of the old colour .* were cut$/);
    expect(cutOff(first)).toBeNull();
    expect(dropped({ ...first, cut: 3 })).toBeNull();
  });

  it("counts the edge's own 502 and 504, unless the app always had its share of them", () => {
    expect(dropped({ ...first, edge: [edge({ gateway: 1 })] })).toBe(
      'the edge answered 1 requests with 502 or 504 for the app',
    );
    const usual = { requests: 1000, gateway: 20 };
    expect(dropped({ ...first, edge: [edge({ gateway: 2, earlier: usual })] })).toBeNull();
    expect(dropped({ ...first, edge: [edge({ gateway: 9, earlier: usual })] })).not.toBeNull();
  });
});
