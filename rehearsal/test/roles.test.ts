import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectCode } from './expect.ts';
import { APP_KEY, Stage } from './stage.ts';
import type { Built } from './stage.ts';

const stage = Stage.open();
let r1: Built;
let r2: Built;

interface Work {
  container: string;
  from: number;
  to: number;
}

/** Who of a role worked when, by what the containers themselves wrote down. */
async function work(role: string): Promise<Work[]> {
  const text = await stage.vpsShell('cat /var/lib/docker/volumes/fixture_beats/_data/beats.log');
  const all: Work[] = [];
  for (const line of text.split('\n')) {
    const [ms, name, container = '', word] = line.split(' ');
    if (name !== role) continue;
    // A container that is started again after a rollback begins again.
    const seen = word === 'begin' ? undefined : all.findLast((each) => each.container === container);
    if (seen === undefined) all.push({ container, from: Number(ms), to: Number(ms) });
    else seen.to = Number(ms);
  }
  return all.sort((a, b) => a.from - b.from);
}

/** The same once so many have worked: when its container was started, what runs in it has still to write its first line. */
async function workOf(role: string, times: number): Promise<Work[]> {
  for (let n = 0; n < 100; n++) {
    const all = await work(role);
    if (all.length >= times) return all;
    await sleep(100);
  }
  throw new Error(`role ${role}: fewer than ${String(times)} have worked`);
}

/** Milliseconds for which one worked beside the one before it, for each change over. */
function together(all: Work[]): number[] {
  return all.slice(1).map(({ from }, index) => (all[index]?.to ?? 0) - from);
}

function envelope(built: Built, more: object = {}): string {
  const { registry } = stage.facts;
  return JSON.stringify({
    format: 1,
    operation: `test-${Math.random().toString(36).slice(2)}`,
    repository: built.release.split('@')[0],
    registry: { host: registry.host, username: registry.username, password: registry.password },
    secrets: { APP_KEY },
    ...more,
  });
}
const digestOf = (built: Built): string => built.release.split('@')[1] ?? '';

beforeAll(async () => {
  await stage.firstDeploy();
  r1 = await stage.builtRoles('r1');
  r2 = await stage.builtRoles('r2');
  expectCode(await stage.deployRelease(r1.release, { 'lock-wait-seconds': '60' }), 0);
}, 900_000);
afterAll(async () => {
  await stage.running('v1');
}, 300_000);

describe('plan', () => {
  it('says over the deploy key what a deploy would do, and changes nothing', async () => {
    const state =
      'docker ps -aq --filter label=delivery.app=fixture | sort; cat /opt/fixture/ledger.jsonl; ls -laR /opt/fixture/releases | md5sum';
    const before = await stage.vpsShell(state);
    const ran = await stage.deployShell(['plan', digestOf(r2)], { input: envelope(r2), timeoutMs: 60_000 });
    expect(ran.stderr).toBe('');
    expect(ran.code).toBe(0);
    const plan = JSON.parse(ran.stdout) as { images: { pull: string[] }; backing: unknown };
    expect(plan).toMatchObject({ release: r2.releaseId, running: r1.releaseId, refusals: [], unchanged: false });
    expect(plan).toMatchObject({ services: { added: [], removed: [] } });
    expect(plan.images.pull.length).toBeGreaterThan(0);
    expect(plan.backing).toEqual([
      { service: 'store', action: 'recreate', what: [expect.stringContaining('image: ')] },
    ]);
    expect(await stage.vpsShell(state)).toBe(before);
    expect(ran.stdout).not.toContain(APP_KEY);
  }, 120_000);

  it('names every reason to refuse, with figures for memory; a deploy is refused for it before anything starts', async () => {
    const more = { secrets: { APP_KEY: '', WEB_MEMORY: '900g' } };
    const ran = await stage.deployShell(['plan', digestOf(r2)], { input: envelope(r2, more), timeoutMs: 60_000 });
    expect(ran.code).toBe(1);
    const { refusals } = JSON.parse(ran.stdout) as { refusals: { code: string; message: string }[] };
    expect(refusals.map(({ code }) => code)).toEqual(['secrets_missing', 'memory']);
    expect(refusals[1]?.message).toMatch(/may take 184\d{4} MiB by their limits, this host has \d+ MiB/);
    const deploy = await stage.deployRelease(r2.release, { secrets: `APP_KEY=${APP_KEY}\nWEB_MEMORY=900g` });
    expectCode(deploy, 1);
    expect(deploy.outputs['outcome']).toBe('refused');
    expect((await stage.status()).running?.release).toBe(r1.releaseId);
  }, 180_000);
});

describe('workers and schedulers', () => {
  it('never run two at once across a deploy and a rollback; those declared safe leave no gap', async () => {
    expectCode(await stage.deployRelease(r2.release), 0);
    expectCode(await stage.rollback(), 0);
    for (const role of ['worker', 'scheduler']) {
      const all = await workOf(role, 3);
      expect(together(all).filter((ms) => ms > 0)).toEqual([]);
    }
    const safe = together(await work('queue'));
    expect(safe.length).toBeGreaterThanOrEqual(2);
    expect(safe.filter((ms) => ms < 0)).toEqual([]);
    const running = await stage.vpsShell('docker ps --format "{{.Names}}" --filter label=delivery.app=fixture | sort');
    for (const name of ['worker', 'scheduler', 'queue'])
      expect(running.split('\n').filter((line) => line === name)).toHaveLength(1);
  }, 300_000);
});

describe('logs, status and history', () => {
  it('give the last lines of the live containers, as JSON over the key', async () => {
    const ran = await stage.deployShell(['logs', 'worker', '5']);
    expect(ran.code).toBe(0);
    const lines = ran.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { service: string; text: string });
    expect(lines.length).toBeLessThanOrEqual(5);
    expect(lines.at(-1)).toMatchObject({ service: 'worker', container: 'worker' });
    const all = await stage.deployShell(['logs']);
    expect(all.stdout).toContain('"service":"web"');
    const unknown = await stage.deployShell(['logs', 'nope']);
    expect(unknown.code).toBe(64);
    expect(unknown.stderr).toMatch(/service "nope": has no container; there are .*web/);
  }, 60_000);

  it('speak to a person on a terminal of the host, and in JSON to a program', async () => {
    const person = await stage.hostShell(['status'], { terminal: true });
    expect(person.code).toBe(0);
    expect(person.stdout).toMatch(
      new RegExp(`^running +${(await stage.status()).running?.release ?? ''} +(blue|green) +since`, 'm'),
    );
    expect(person.stdout).toMatch(/store-1 +running/m);
    expect(JSON.parse((await stage.hostShell(['status'])).stdout)).toMatchObject({ app: 'fixture' });
    const history = await stage.hostShell(['history'], { terminal: true });
    expect(history.stdout).toMatch(/rollback +rolled_back/);
    expect(Array.isArray(JSON.parse((await stage.deployShell(['history'])).stdout))).toBe(true);
    expect((await stage.hostShell(['logs', 'web', '5'], { terminal: true })).stdout).toMatch(/Z {2}web +/);
  }, 90_000);
});

describe('run', () => {
  it('is refused over the deploy key unless the owner of the host allows it', async () => {
    const input = envelope(r1, { command: ['node', '-p', 'JSON.stringify(process.env)'] });
    const refused = await stage.deployShell(['run'], { input });
    expect(refused.code).toBe(64);
    expect(refused.stderr).toMatch(/may not run commands on this host/);
    expect(refused.stdout).toBe('');
    const allow = JSON.stringify({ repository: 'registry.test/any', run: true });
    const before = await stage.vpsShell('cat /opt/fixture/policy.json 2>/dev/null || :');
    await stage.vpsShell('printf %s "$1" >/opt/fixture/policy.json', allow);
    try {
      const allowed = await stage.deployShell(['run'], { input, timeoutMs: 60_000 });
      expect(allowed.code).toBe(0);
      expect(allowed.stdout).toContain(`"RELEASE_ID":"${(await stage.status()).running?.release ?? ''}"`);
      expect(allowed.stdout).toMatch(/"APP_KEY":"\*\*\*"/);
    } finally {
      await stage.vpsShell(
        'if [ -n "$1" ]; then printf %s "$1" >/opt/fixture/policy.json; else rm /opt/fixture/policy.json; fi',
        before,
      );
    }
  }, 120_000);

  it('passes on what a command says and its exit code, and leaves nothing', async () => {
    const script = 'console.log("out"); console.error("err"); process.exit(7)';
    const ran = await stage.hostShell(['run', 'node', '-e', script]);
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([7, 'out\n', 'err\n']);
    expect(await stage.vpsShell('docker ps -aq --filter label=delivery.run=fixture')).toBe('');
  }, 60_000);
});

describe('backing services', () => {
  it('are changed by no release, and by `backing apply` with the blip on record', async () => {
    const id = await stage.vpsShell('docker inspect -f "{{.Id}}" fixture-backing-store-1');
    expectCode(await stage.deployRelease(r2.release), 0);
    expect(await stage.vpsShell('docker inspect -f "{{.Id}}" fixture-backing-store-1')).toBe(id);
    const planned = await stage.deployShell(['backing', 'plan']);
    expect(JSON.parse(planned.stdout)).toMatchObject({ backing: [{ service: 'store', action: 'recreate' }] });
    const person = await stage.hostShell(['backing', 'plan'], { terminal: true });
    expect(person.stdout).toMatch(/store: recreate: image: /);

    const applied = await stage.deployShell(['backing', 'apply'], { input: envelope(r2), timeoutMs: 120_000 });
    expect(applied.stdout).toMatch(/"outcome":"applied"/);
    expect(applied.code).toBe(0);
    expect(await stage.vpsShell('docker inspect -f "{{.Id}}" fixture-backing-store-1')).not.toBe(id);
    const status = await stage.status();
    expect(status.running?.release).toBe(r2.releaseId);
    expect(status.previous?.release).toBe(r1.releaseId);
    const entry = status.ledger.at(-1) as unknown as {
      verb: string;
      outcome: string;
      backing: { blipMs: number; failed: number }[];
    };
    expect(entry).toMatchObject({
      verb: 'backing',
      outcome: 'applied',
      backing: [{ service: 'store', action: 'recreated' }],
    });
    expect(entry.backing[0]?.failed).toBeGreaterThan(0);
    console.log(
      `backing apply: blip ${String(entry.backing[0]?.blipMs)} ms, ${String(entry.backing[0]?.failed)} failed probes`,
    );
    expect(JSON.parse((await stage.deployShell(['backing', 'plan'])).stdout)).toMatchObject({
      backing: [{ service: 'store', action: 'keep' }],
    });
    const again = await stage.hostShell(['backing', 'apply']);
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('"outcome":"unchanged"')]);
  }, 400_000);

  it('come back as they were where the new one does not become healthy', async () => {
    const sick = await stage.builtRoles('r3', { SICK: 'store' });
    expectCode(await stage.deployRelease(sick.release), 0);
    const image = await stage.vpsShell('docker inspect -f "{{.Image}}" fixture-backing-store-1');
    const ran = await stage.deployShell(['backing', 'apply'], { input: envelope(sick), timeoutMs: 200_000 });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/"outcome":"failed"/);
    expect(ran.stdout).toMatch(/backing service store: .*the container of before is back/);
    expect(await stage.vpsShell('docker inspect -f "{{.Image}}" fixture-backing-store-1')).toBe(image);
    expect((await stage.get('/health')).status).toBe(200);
    expect((await stage.status()).running?.release).toBe(sick.releaseId);
  }, 500_000);
});
