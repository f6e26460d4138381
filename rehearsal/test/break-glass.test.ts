import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runInRunner } from './action.ts';
import { issue, serve } from './certificate.ts';
import { expectCode } from './expect.ts';
import { must } from './process.ts';
import { HOST, Stage } from './stage.ts';
import type { Built, Status } from './stage.ts';

const stage = Stage.open();
const registry = stage.facts.registry.container;

/** The launcher from a root shell on the host, as at two in the morning. */
async function launcher(...args: string[]): Promise<{ code: number | null; text: string }> {
  const ran = await stage.vps('/opt/edge/bin/release', 'fixture', ...args);
  return { code: ran.code, text: `${ran.stdout}${ran.stderr}` };
}

const statusOnHost = async (): Promise<Status> => JSON.parse((await launcher('status')).text) as Status;

describe('with no registry in reach', () => {
  let oldest: Built;
  let middle: Built;
  let newest: Built;
  let ended: Awaited<ReturnType<typeof issue>>;
  beforeAll(async () => {
    // What the tests of other files have left unpinned is not what this is about.
    await stage.provisioned();
    await stage.vpsShell('docker image prune -a -f');
    oldest = await stage.running('v1');
    middle = await stage.running('v2');
    newest = await stage.running('v3');
    ended = await issue(stage, HOST, -1);
    await must('docker', ['stop', '-t', '2', registry]);
  }, 600_000);
  afterAll(async () => {
    await must('docker', ['start', registry]);
    // What a test below took away is back for the files after this one.
    await runInRunner(stage.facts.runner, 'provision-vps', stage.provisionInputs(), { timeoutMs: 180_000 });
  }, 240_000);

  it('a shell on the host goes back after docker image prune -a, to a release of which only a pin was left', async () => {
    const pruned = await stage.vpsShell('docker image prune -a -f');
    // Images that other files' tests have left behind may go; none of a kept release may.
    const kept = [oldest, middle, newest].flatMap(({ images }) => images.match(/sha256:[0-9a-f]{64}/g) ?? []);
    expect(kept.length).toBeGreaterThanOrEqual(3);
    expect(kept.filter((digest) => pruned.includes(digest))).toEqual([]);
    const before = await statusOnHost();
    expect(before.releases?.find(({ release }) => release === oldest.releaseId)?.images).toBe('here');
    expect(before.notes?.join('\n')).toMatch(/docker system prune -a would take/);
    const began = performance.now();
    const ran = await launcher('rollback', oldest.releaseId);
    expect({ code: ran.code, text: ran.code === 0 ? '' : ran.text }).toEqual({ code: 0, text: '' });
    const answer = await stage.get('/health');
    console.log(`break-glass to a pinned release: ${String(Math.round(performance.now() - began))} ms until asked`);
    expect(answer.release).toBe(oldest.releaseId);
    expect((await statusOnHost()).running?.release).toBe(oldest.releaseId);
  }, 200_000);

  it('and to the one before without naming it', async () => {
    const ran = await launcher('rollback');
    expect(ran.code).toBe(0);
    expect((await stage.get('/health')).release).toBe(newest.releaseId);
  }, 120_000);

  it('over a standard input that never ends, with a certificate that has ended: it goes back and says which one', async () => {
    const restore = await serve(stage, ended);
    // As `ssh server sudo ...` has it: no terminal, and nobody who ends the input.
    const open = 'mkfifo /tmp/never; exec 3<>/tmp/never; rm /tmp/never; timeout 60 "$@" <&3';
    const ran = await stage.vps('sh', '-c', open, 'sh', '/opt/edge/bin/release', 'fixture', 'rollback');
    await restore();
    expect({ code: ran.code, text: ran.code === 0 ? '' : ran.stdout }).toEqual({ code: 0, text: '' });
    expect(ran.stdout).toMatch(new RegExp(`the certificate of ${HOST} ended on .* run provision-vps`));
    expect((await stage.get('/health')).release).toBe(oldest.releaseId);
    expect((await launcher('rollback')).code).toBe(0);
  }, 120_000);

  it('docker system prune -a takes the agent: the launcher says so, and what brings it back; the site stays', async () => {
    await stage.vpsShell('docker system prune -a -f');
    const ran = await launcher('rollback');
    expect(ran.code).toBe(1);
    expect(ran.text).toMatch(/agent image .* is not on this host; run provision-vps/);
    expect((await stage.get('/health')).release).toBe(newest.releaseId);
  }, 120_000);

  it('what else it took is said afterwards, refused before anything changes, and back after a deploy', async () => {
    await must('docker', ['start', registry]);
    let provisioned = await runInRunner(stage.facts.runner, 'provision-vps', stage.provisionInputs(), {
      timeoutMs: 180_000,
    });
    // The registry may need some seconds.
    for (let tries = 0; provisioned.code !== 0 && tries < 3; tries += 1)
      provisioned = await runInRunner(stage.facts.runner, 'provision-vps', stage.provisionInputs(), {
        timeoutMs: 180_000,
      });
    expectCode(provisioned, 0);

    const found = await statusOnHost();
    const gone = found.releases?.filter(({ images }) => images === 'gone').map(({ release }) => release) ?? [];
    expect(gone).toContain(middle.releaseId);
    expect(found.notes?.join('\n')).toContain(`no way back to`);
    const refused = await launcher('rollback', middle.releaseId);
    expect(refused.code).toBe(1);
    expect(refused.text).toMatch(/is no longer on this host; (release \S+ can still run|no other release)/);
    const after = await statusOnHost();
    expect(after.running?.release).toBe(newest.releaseId);
    expect((await stage.get('/health')).release).toBe(newest.releaseId);

    const back = await stage.deploy('v2');
    expectCode(back, 0);
    const status = await statusOnHost();
    expect(status.releases?.find(({ release }) => release === middle.releaseId)?.images).toBe('here');
    const pins = await stage.vpsShell(
      'docker ps -a --filter status=created --filter label=delivery.pin=edge --format "{{.Image}}" | wc -l',
    );
    expect(pins.trim()).toBe('2');
  }, 400_000);
});
