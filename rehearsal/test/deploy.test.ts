import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { agentsSince } from './agents.ts';
import { errorLine, expectCode, expectNoDrop, expectOneSwitch } from './expect.ts';
import { APP_KEY, Stage } from './stage.ts';
import type { Variant } from './stage.ts';

const stage = Stage.open();

/** How often each POST id was executed, by the logs of every container of the app that is still there. */
async function executedTwice(): Promise<string[]> {
  const text = await stage.vpsShell(
    'for c in $(docker ps -aq --filter label=delivery.app=fixture); do docker logs "$c" 2>&1; done | grep "^counted " | sort | uniq -d | head -n 5',
  );
  return text.split('\n').filter((line) => line !== '');
}

/** The row of a release in the table of a rollback's summary. */
function rowOf(summary: string, release: string): string {
  return summary.split('\n').find((row) => row.startsWith(`| ${release} |`)) ?? '';
}

describe('first deploy', () => {
  let first: Awaited<ReturnType<Stage['firstDeploy']>>;
  beforeAll(async () => {
    first = await stage.firstDeploy();
  }, 600_000);

  it('refuses a rollback while nothing was ever deployed', () => {
    expectCode(first.rollbackBefore, 1);
    expect(errorLine(first.rollbackBefore)).toMatch(/no .*release|never|nothing/i);
  });

  it('puts the release behind verified HTTPS and reports what runs', async () => {
    const built = await stage.built('v1');
    expect(first.deploy.outputs['outcome']).toBe('deployed');
    expect(first.deploy.outputs['running-release']).toContain(built.releaseId);
    expect(Number(first.deploy.outputs['switched-ms'])).toBeGreaterThan(0);
    expect(first.status.running?.release).toBe(built.releaseId);
    expect(first.status.previous).toBeNull();
    expect(first.status.ledger.map((entry) => entry.outcome)).toContain('deployed');
    expect(first.deploy.summary).toContain(built.releaseId);
  });

  it('refuses a rollback with no earlier release and leaves the site as it is', async () => {
    expectCode(first.rollbackAfter, 1);
    expect(errorLine(first.rollbackAfter)).toMatch(/no (earlier|previous)|earlier release|previous release/i);
    expect((await stage.get('/health')).status).toBe(200);
  });
});

describe('deploy under load', () => {
  it('switches v1 to v2 without losing one of 100 requests a second', async () => {
    const from = await stage.running('v1');
    const to = await stage.built('v2');
    const load = await stage.load('mixed');
    const ran = await stage.deploy('v2');
    const report = await load.stop();
    expectCode(ran, 0);
    expect(ran.outputs['outcome']).toBe('deployed');
    expect(ran.outputs['running-release']).toContain(to.releaseId);
    expect(ran.outputs['previous-release']).toContain(from.releaseId);
    expectNoDrop(report);
    expectOneSwitch(report, from.releaseId, to.releaseId);
    for (const kind of ['get', 'get-fresh', 'post', 'http2', 'upload', 'websocket', 'stream', 'slow']) {
      expect(report.byKind[kind]?.requests ?? 0).toBeGreaterThan(0);
    }
    expect(await executedTwice()).toEqual([]);
    const root = JSON.parse((await stage.get('/')).text) as { version: string; keyHash: string };
    expect(root.version).toBe('v2');
    expect(root.keyHash).toBe(createHash('sha256').update(APP_KEY).digest('hex'));
    console.log(
      `deploy under mixed load: action ${String(Math.round(ran.wallMs))} ms, switched-ms ${String(ran.outputs['switched-ms'])}, ${String(report.requests)} requests, p99 ${String(report.p99)} ms`,
    );
  }, 400_000);

  it('answers under the plain service name', async () => {
    await stage.running('v2');
    expect(await stage.vpsShell('docker inspect -f "{{.State.Running}}" web')).toBe('true\n');
  }, 200_000);

  it('recognises the same release as unchanged and starts nothing', async () => {
    const built = await stage.running('v2');
    const id = await stage.vpsShell('docker inspect -f "{{.Id}}" web');
    const ran = await stage.deploy('v2');
    expectCode(ran, 0);
    expect(ran.outputs['outcome']).toBe('unchanged');
    expect(ran.outputs['running-release']).toContain(built.releaseId);
    expect(await stage.vpsShell('docker inspect -f "{{.Id}}" web')).toBe(id);
  }, 200_000);

  it('rolls back under load without losing a request, and again forward by name', async () => {
    const newer = await stage.running('v3');
    const status = await stage.status();
    const older = status.previous?.release ?? '';
    const load = await stage.load('mixed', { 'slow-seconds': '4' });
    const ran = await stage.rollback();
    const report = await load.stop();
    expectCode(ran, 0);
    expect(ran.outputs['outcome']).toBe('rolled_back');
    expect(ran.outputs['running-release']).toContain(older);
    expectNoDrop(report);
    expectOneSwitch(report, newer.releaseId, older);
    expect(rowOf(ran.summary, older)).toBe('');
    const forward = await stage.rollback({ release: newer.releaseId });
    expectCode(forward, 0);
    expect((await stage.status()).running?.release).toBe(newer.releaseId);
    console.log(
      `rollback under mixed load: action ${String(Math.round(ran.wallMs))} ms, switched-ms ${String(ran.outputs['switched-ms'])}`,
    );
  }, 400_000);

  it('refuses a rollback to a release that was never there', async () => {
    const built = await stage.running('v3');
    const ran = await stage.rollback({ release: '20200101T000000Z-abcdef0' });
    expectCode(ran, 1);
    expect(errorLine(ran)).toContain('20200101T000000Z-abcdef0');
    expect(rowOf(ran.summary, built.releaseId)).toContain('| live now |');
    expect((await stage.status()).running?.release).toBe(built.releaseId);
  }, 200_000);
});

describe('a sick release is refused and the site stays', () => {
  /** [variant, what the error has to tell, seconds until refused at most] */
  const cases: [Variant, RegExp, number][] = [
    ['crash', /exit|crash|stopped|restart/i, 15],
    ['hang', /refused|health|deadline|answer/i, 40],
    ['lie', /release/i, 40],
    ['html', /json|html/i, 40],
    ['flap', /503|health|consecutive|row/i, 40],
    ['unhealthy', /503|unhealthy|disconnected|status/i, 40],
  ];

  it.each(cases)(
    '%s',
    async (variant, told, seconds) => {
      await stage.built(variant);
      const built = await stage.running('v1');
      const load = await stage.load('get');
      const asked = Date.now();
      const ran = await stage.deploy(variant);
      const report = await load.stop();
      expectCode(ran, 1);
      expect(ran.summary).toContain('What the host runs');
      // Whoever waits for the refusal does not wait for a second agent.
      expect(await agentsSince(stage, asked)).toBe(1);
      expect(ran.outputs['outcome']).toMatch(/refused|failed/);
      expect(ran.outputs['running-release']).toContain(built.releaseId);
      expect(errorLine(ran)).toMatch(told);
      if (variant === 'crash') expect(ran.log).toContain('cannot read the lesson index (planted crash)');
      expectNoDrop(report);
      expect(report.switches.map((seen) => seen.release)).toEqual([built.releaseId]);
      const status = await stage.status();
      expect(status.running?.release).toBe(built.releaseId);
      expect(status.ledger.at(-1)?.outcome).toMatch(/refused|failed/);
      expect(ran.wallMs / 1000).toBeLessThan(seconds);
      console.log(`${variant} refused after ${String(Math.round(ran.wallMs))} ms: ${errorLine(ran)}`);
    },
    300_000,
  );
});

describe('more than one at once', () => {
  it('lets one of two deploys through and the other one name the holder', async () => {
    await stage.running('v1');
    await stage.built('v2');
    await stage.built('v3');
    const first = await stage.startDeploy('v2', {}, { env: { GITHUB_ACTOR: 'alice-the-holder' } });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const second = await (await stage.startDeploy('v3')).ended;
    const winner = await first.ended;
    expectCode(winner, 0);
    expectCode(second, 1);
    expect(second.outputs['outcome']).toBe('busy');
    expect(errorLine(second)).toContain('alice-the-holder');
    expect((await stage.status()).running?.release).toBe((await stage.built('v2')).releaseId);
  }, 300_000);

  it('waits where it was told to', async () => {
    await stage.running('v1');
    const first = await stage.startDeploy('v2');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const second = await (await stage.startDeploy('v3', { 'lock-wait-seconds': '90' })).ended;
    expectCode(await first.ended, 0);
    expectCode(second, 0);
    expect((await stage.status()).running?.release).toBe((await stage.built('v3')).releaseId);
  }, 300_000);
});
