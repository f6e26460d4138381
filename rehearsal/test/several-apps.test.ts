import { beforeAll, describe, expect, it } from '@jest/globals';
import { errorLine, expectCode, expectNoDrop } from './expect.ts';
import { SecondApp } from './second-app.ts';
import { Stage } from './stage.ts';
import type { Built } from './stage.ts';

const stage = Stage.open();
const second = new SecondApp(stage);
const edgeSince = (): Promise<string> => stage.vpsShell('docker inspect -f "{{.Id}} {{.State.StartedAt}}" edge');

describe('a second app on the same host', () => {
  let first: Built;
  let built: Built;
  let edge = '';
  beforeAll(async () => {
    first = await stage.running('v1');
    edge = await edgeSince();
    built = await second.build('s1');
    const ran = await second.provision();
    expectCode(ran, 0);
  }, 600_000);

  it('is prepared without touching the edge, and each app keeps its certificate', async () => {
    expect(await edgeSince()).toBe(edge);
    const files = await stage.vpsShell('cd /opt/edge && ls certs dynamic');
    for (const app of ['fixture', 'second']) {
      expect(files).toContain(`${app}.tls.crt`);
      expect(files).toContain(`${app}.tls.yaml`);
    }
    const again = await second.provision();
    expect(again.outputs['changed']).toBe('0');
  }, 200_000);

  it('is deployed under load on the first one, which loses nothing, at the same time as that is deployed', async () => {
    const next = await stage.built('v2');
    const load = await stage.load('get');
    const [own, other] = await Promise.all([stage.deploy('v2'), second.deploy(built)]);
    const report = await load.stop();
    expectCode(own, 0);
    expectCode(other, 0);
    expectNoDrop(report);
    // Each over HTTPS that verifies its own name: the two certificates name one host each.
    expect((await stage.get('/health')).release).toBe(next.releaseId);
    expect((await stage.get('/health', second.host)).release).toBe(built.releaseId);
    expect((await second.status()).running?.release).toBe(built.releaseId);
    expect(await edgeSince()).toBe(edge);
  }, 400_000);

  it('cannot have a route of the first one: refused in the plan by the name of the app, nothing changed', async () => {
    const greedy = await second.build('s2', 'fixture.test');
    const ran = await second.deploy(greedy);
    expectCode(ran, 1);
    expect(ran.outputs['outcome']).toBe('refused');
    expect(errorLine(ran)).toMatch(/fixture\.test\/.*app "fixture"/);
    expect((await second.status()).running?.release).toBe(built.releaseId);
    expect((await stage.get('/health')).status).toBe(200);
    expect(first.releaseId).not.toBe('');
  }, 200_000);

  it('says for an app that this host was not prepared for what prepares it', async () => {
    const ran = await stage.vps('/opt/edge/bin/release', 'nobody', 'rollback');
    expect(ran.code).toBe(64);
    expect(ran.stderr).toMatch(/not prepared for nobody; run provision-vps/);
  });

  it('is removed from the host after being asked for twice, and leaves nothing', async () => {
    const asked = await second.launcher('remove');
    expect(asked.code).toBe(1);
    expect(asked.text).toContain(built.releaseId);
    expect((await stage.get('/health', second.host)).status).toBe(200);
    const removed = await second.launcher('remove');
    expect(removed.code === 0 ? 'removed' : removed.text).toBe('removed');
    expect(removed.text).toMatch(/deploy key/);
    const left = await stage.vpsShell(`
      docker ps -a --format '{{.Names}} {{.Labels}}' | grep -E 'second[-_]|delivery.(app|pin)=second' || :
      docker network ls --format '{{.Name}}' | grep -E '^(0-)?second(-|$)' || :
      docker volume ls -q | grep '^second_' || :
      docker image ls --format '{{.Repository}}' | grep 'second-' || :
      ls -A /opt/second 2>/dev/null || :
      find /opt/edge -name '*second*'`);
    expect(left).toBe('');
    expect((await stage.get('/health')).status).toBe(200);
    expect((await stage.status()).running).not.toBeNull();
    expect(await edgeSince()).toBe(edge);
  }, 200_000);
});
