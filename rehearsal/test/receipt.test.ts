import { describe, expect, it } from '@jest/globals';
import { PROBE_KINDS, ReceiptSchema } from '@delivery/release';
import type { Receipt } from '@delivery/release';
import type { ActionRun } from './action.ts';
import { errorLine, expectCode, expectNoDrop } from './expect.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

function receiptOf(ran: ActionRun): Receipt {
  return ReceiptSchema.parse(JSON.parse(ran.outputs['receipt'] ?? 'null'));
}

describe('the zero-drop receipt', () => {
  it('shows every kind of request before and after the switch, and what the edge itself counted', async () => {
    await stage.running('v1');
    const load = await stage.load('mixed', { 'slow-seconds': '3' });
    const ran = await stage.deploy('v2', { 'bake-seconds': '8' });
    const report = await load.stop();
    expectCode(ran, 0);
    expectNoDrop(report);
    const receipt = receiptOf(ran);
    console.log(JSON.stringify(receipt));
    expect(receipt).toMatchObject({ v: 2, failures: 0, cut: 0, firstFailures: [] });
    expect(Object.keys(receipt.kinds ?? {}).sort()).toEqual([...PROBE_KINDS].sort());
    for (const kind of PROBE_KINDS) {
      expect(receipt.kinds?.[kind]?.before.requests).toBeGreaterThan(0);
      expect(receipt.kinds?.[kind]?.after.requests).toBeGreaterThan(0);
    }
    expect(receipt.phases?.during.requests).toBeGreaterThan(0);
    // Visitors are in the edge's counters, and the prober is not the only one that they saw.
    expect(new Set(receipt.edge?.map(({ colour }) => colour))).toEqual(new Set(['blue', 'green']));
    for (const { requests, gateway } of receipt.edge ?? []) {
      expect(requests).toBeGreaterThan(100);
      expect(gateway).toBe(0);
    }
    expect(ran.log).toMatch(/✓ bake .*passed: probes: 0 of \d+ failed/);
    expect(ran.summary).toContain('GET, new connection each');
    const [entry] = (await stage.status()).ledger.slice(-1);
    expect(entry).toMatchObject({ outcome: 'deployed' });
  }, 400_000);

  it('fails the deploy of a release that drops requests, and says what was dropped first', async () => {
    await stage.built('drops');
    await stage.running('v1');
    const ran = await stage.deploy('drops', { 'bake-seconds': '0' });
    expectCode(ran, 1);
    expect(ran.outputs['outcome']).toBe('failed');
    expect(errorLine(ran)).toMatch(/\d+ of \d+ requests on the public path failed \(first: [a-z0-9-]+ https:/);
    const receipt = receiptOf(ran);
    expect(receipt.failures).toBeGreaterThan(0);
    expect(receipt.phases?.before.failures).toBe(0);
    console.log(`drops: ${errorLine(ran)}`);
    expectCode(await stage.rollback(), 0);
  }, 400_000);
});

describe('a release that turns sick after its switch', () => {
  it('is taken back by itself when it crashes at 20 s, with its last lines', async () => {
    await stage.built('late');
    const before = await stage.running('v1');
    const ran = await stage.deploy('late', { 'bake-seconds': '40' });
    expectCode(ran, 1);
    expect(ran.outputs['outcome']).toBe('failed');
    expect(ran.outputs['running-release']).toBe(before.releaseId);
    expect(errorLine(ran)).toMatch(/restarted|exit code 1|probes in a row/);
    expect(errorLine(ran)).toContain(`visitors are back on release ${before.releaseId}`);
    expect(ran.summary).toContain('the lesson cache is full (planted crash)');
    expect(ran.summary).toContain(`Last lines of what is live, release ${before.releaseId}`);
    expect((await stage.get('/')).release).toBe(before.releaseId);
    expect((await stage.status()).running?.release).toBe(before.releaseId);
    console.log(`late crash: ${errorLine(ran)}`);
  }, 400_000);

  it('is taken back by itself when it is far slower than the one before', async () => {
    await stage.built('slow');
    const before = await stage.running('v1');
    const ran = await stage.deploy('slow', { 'bake-seconds': '12' });
    expectCode(ran, 1);
    expect(ran.outputs['running-release']).toBe(before.releaseId);
    expect(errorLine(ran)).toMatch(/p95 of .* more than 3 times/);
    console.log(`slow: ${errorLine(ran)}`);
  }, 400_000);
});
