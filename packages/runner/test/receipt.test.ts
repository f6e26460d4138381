import { describe, expect, it } from '@jest/globals';
import type { Receipt } from '@delivery/release';
import { receiptParts } from '../src/host/receipt.ts';

const some = { requests: 50, failures: 0, p50Ms: 4, p95Ms: 9, p99Ms: 1200 };
const none = { requests: 0, failures: 0, p50Ms: null, p95Ms: null, p99Ms: null };
const phases = { before: some, during: none, after: { ...some, failures: 2 } };
const receipt: Receipt = {
  v: 2,
  requests: 100,
  failures: 0,
  cut: 0,
  p50Ms: 4,
  p95Ms: 9,
  p99Ms: 1200,
  phases,
  kinds: { post: phases, get: phases },
  firstFailures: [],
  edge: [
    { service: 'web', colour: 'blue', requests: 900, errors: 1, gateway: 0, earlier: { requests: 9, gateway: 0 } },
  ],
};

describe('the receipt in the summary', () => {
  it('has a row for each kind with requests, failures and latencies before, during and after', () => {
    const text = receiptParts(receipt).join('\n');
    expect(text).toContain('**Nothing was dropped**: 100 requests on the public path, 0 failures.');
    const rows = text.split('\n').filter((line) => /^\| (GET|POST)/.test(line));
    expect(rows).toEqual([
      '| GET, kept connection | 50 | 4 ms / 9 ms / 1.2 s | 0 | – | 50, 2 failed | 4 ms / 9 ms / 1.2 s |',
      '| POST, exactly once | 50 | 4 ms / 9 ms / 1.2 s | 0 | – | 50, 2 failed | 4 ms / 9 ms / 1.2 s |',
    ]);
    expect(text).toContain('| web | blue | 900 | 1 | 0 |');
  });

  it('says first what was dropped and what was cut, and lets no text of the host in as Markdown', () => {
    const first = 'get https://shop.test/health during the switch: <b>502</b>';
    const parts = receiptParts({ ...receipt, failures: 1, cut: 2, firstFailures: [first] });
    expect(parts[1]).toMatch(/^❌ \*\*Dropped\*\*: 1 of 100 requests .*\. ⚠️ 2 connections of the old colour/);
    expect(parts.join('\n')).toContain('&lt;b&gt;502');
    expect(parts.join('\n')).not.toContain('<b>');
  });

  it('shows the totals of a receipt of the first shape', () => {
    const old = { requests: 100, failures: 0, cut: 0, p50Ms: 1, p95Ms: 2, p99Ms: 3 };
    expect(receiptParts(old).join('\n')).toContain('| 100 | 0 | 0 | 1 ms | 2 ms | 3 ms |');
  });
});
