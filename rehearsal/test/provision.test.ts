import { beforeAll, describe, expect, it } from '@jest/globals';
import { runInRunner } from './action.ts';
import { expectCode } from './expect.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

describe('provision-vps on a bare server', () => {
  let first: Awaited<ReturnType<Stage['provisioned']>>;
  beforeAll(async () => {
    first = await stage.provisioned();
  }, 360_000);

  it('began with nothing of ours and says what it changed', () => {
    expect(first.before).toContain('no-docker');
    expect(first.before).toContain('no-edge');
    expect(first.before).toContain('no-deploy');
    expect(Number(first.run.outputs['changed'])).toBeGreaterThan(0);
    expect(first.run.outputs['deploy-user']).toBe('deploy');
  });

  it('leaves the launcher root-owned, the deploy key restricted and the edge without the Docker socket', async () => {
    expect(await stage.vpsShell('stat -c "%U %a" /opt/edge/bin/release')).toBe('root 755\n');
    const keys = await stage.vpsShell('cat ~deploy/.ssh/authorized_keys');
    expect(keys).toContain('restrict,command="/opt/edge/bin/release fixture"');
    const edge = await stage.vpsShell('docker inspect edge');
    expect(edge).not.toContain('docker.sock');
    expect(await stage.vpsShell('cat /opt/edge/agent')).toMatch(/@sha256:[0-9a-f]{64}\n?$/);
  });

  it('changes nothing the second time', async () => {
    const provision = (): ReturnType<typeof runInRunner> =>
      runInRunner(stage.facts.runner, 'provision-vps', stage.provisionInputs(), { timeoutMs: 180_000 });
    // The first one puts back what the tests of other files have changed on this host.
    expectCode(await provision(), 0);
    const second = await provision();
    expectCode(second, 0);
    const changes = second.log.split('\n').filter((line) => line.includes('+ '));
    expect({ changed: second.outputs['changed'], changes }).toEqual({ changed: '0', changes: [] });
  }, 400_000);

  it('answers over HTTPS with the certificate that was given, before anything is deployed or after', async () => {
    const answer = await stage.get('/');
    expect([200, 404, 503]).toContain(answer.status);
  });
});
