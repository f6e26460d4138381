import { beforeAll, describe, expect, it } from '@jest/globals';
import { must } from '../hosts/host.ts';
import type { Vps } from '../hosts/rig.ts';
import { runInRunner } from './action.ts';
import type { ActionRun, Inputs } from './action.ts';
import { bareVps, inputsFor } from './bare.ts';
import { errorLine, expectCode } from './expect.ts';
import { run } from './process.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

/** As far as the tests look at it; the action checks the whole by its schema. */
interface Report {
  v: number;
  mode: string;
  sound: boolean;
  host: { name: string; app: string };
  tasks: { id: string; status: string; reason: string; source: string; message: string }[];
  findings: { what: string; found: string; allowed: string }[];
  readings: { id: string; value: string[] }[];
}

/** One bare server, step by step: planned, adopted by the minimal profile, hardened, tampered with, repaired. Each test begins where the one before ended. */
describe('the modes and profiles of provision-vps', () => {
  let vps: Vps;
  const logs: string[] = [];

  const sh = (script: string): Promise<string> => must(vps, ['sh', '-ec', script]);

  /** One run with its report, for which it gets a temporary directory that outlives the run. */
  async function provision(more: Inputs): Promise<ActionRun & { report: Report | null }> {
    const place = '/tmp/provision-modes';
    const runner = stage.facts.runner.container;
    await run('docker', ['exec', runner, 'sh', '-c', `rm -rf ${place}; mkdir -m 700 ${place}`]);
    const ran = await runInRunner(
      stage.facts.runner,
      'provision-vps',
      { ...inputsFor(stage, vps), ...more },
      { timeoutMs: 300_000, env: { RUNNER_TEMP: place } },
    );
    const file = ran.outputs['report'] ?? '';
    const text = file === '' ? '' : (await run('docker', ['exec', runner, 'cat', file])).stdout;
    logs.push(ran.log, ran.summary, JSON.stringify(ran.outputs), text);
    return { ...ran, report: text === '' ? null : (JSON.parse(text) as Report) };
  }

  const drifted = (report: Report | null): string[] =>
    (report?.tasks ?? []).filter(({ status }) => status === 'drift').map(({ id }) => id);

  beforeAll(async () => {
    vps = await bareVps(stage, 'modes.test');
  }, 120_000);

  it('plan on a bare server lists with reasons what would change, and changes nothing', async () => {
    const state = 'ls -A /opt /etc/ssh/sshd_config.d /etc/docker; dpkg-query -W | sha256sum; getent passwd | sha256sum';
    const before = await sh(state);
    const ran = await provision({ mode: 'plan' });
    expectCode(ran, 0);
    expect(await sh(state)).toBe(before);
    expect(ran.outputs['changed']).toBe('0');
    expect(Number(ran.outputs['drift'])).toBeGreaterThan(15);
    expect(drifted(ran.report)).toEqual(expect.arrayContaining(['packages', 'launcher', 'sshd', 'firewall', 'edge']));
    expect(ran.log).toMatch(/would change launcher: The one program that the deploy key can start/);
    expect(ran.summary).toContain('Run this with mode');
    expect(ran.report).toMatchObject({
      v: 1,
      mode: 'plan',
      host: { name: 'modes.test', app: 'fixture' },
      readings: [],
    });
    expect(ran.report?.tasks.every(({ reason, source }) => reason !== '' && source !== '')).toBe(true);
  });

  it('minimal names what is missing and how to install it, with everything else that speaks against the server, and changes nothing', async () => {
    await sh('cp -L /etc/os-release /root/os-release; sed -i \'s/^VERSION_ID=.*/VERSION_ID="14"/\' /etc/os-release');
    const ran = await provision({ profile: 'minimal', 'dns-names': 'modes.test\nvps.test\nnobody.test' });
    await sh('cp /root/os-release /etc/os-release');
    expectCode(ran, 1);
    expect(errorLine(ran)).toMatch(/system: found Debian.*Ubuntu 24\.04, Ubuntu 26\.04, Debian 13/);
    expect(errorLine(ran)).toMatch(/DNS name vps\.test: found [0-9.]+; allowed: an address of this server/);
    expect(errorLine(ran)).toMatch(/DNS name nobody\.test: found no address/);
    expect(errorLine(ran)).not.toContain('DNS name modes.test');
    expect(errorLine(ran)).toMatch(/nothing was changed: .*Docker: found none.*apt-get install docker\.io docker-cli/);
    expect(ran.summary).toMatch(/cannot be prepared, and nothing was changed&#58; [0-9]+ findings/);
    expect(ran.summary).toMatch(/\| DNS name nobody\.test \| no address \| an address of this server/);
    expect(ran.summary).toContain('then run this again');
    expect(ran.report).toMatchObject({ sound: false, changed: 0, tasks: [] });
    expect(await sh('command -v docker || echo none; ls -A /opt')).toBe('none');
  });

  it('minimal names a container that holds the port of the edge', async () => {
    const environment = 'export DEBIAN_FRONTEND=noninteractive';
    await sh(
      `${environment}; apt-get -q update >/dev/null; apt-get -q -y install --no-install-recommends docker.io docker-cli docker-compose curl iptables >/dev/null`,
    );
    await sh(`docker run -d --name stranger -p 80:80 ${stage.facts.images.edge} >/dev/null`);
    const ran = await provision({ profile: 'minimal' });
    expectCode(ran, 1);
    expect(errorLine(ran)).toMatch(/nothing was changed: .*ports of the edge: found held by 80 \(container stranger\)/);
    expect(await sh('ls -A /opt; docker rm -f stranger >/dev/null')).not.toContain('edge');
  });

  it('minimal adds launcher, agent, edge and deploy user, and nothing else; a second run changes nothing', async () => {
    const foreign =
      'cat /etc/docker/daemon.json; ls -A /etc/ssh/sshd_config.d /etc/sysctl.d; dpkg-query -W | sha256sum';
    const before = await sh(foreign);
    const first = await provision({ profile: 'minimal' });
    expectCode(first, 0);
    expect(Number(first.outputs['changed'])).toBeGreaterThan(5);
    expect(await sh(foreign)).toBe(before);
    expect(await sh('command -v ufw fail2ban-client || echo none')).toBe('none');
    expect(await sh('curl -sk -o /dev/null -w "%{http_code}" https://127.0.0.1/')).toBe('404');
    expect(first.outputs['edge']).toMatch(/^running docker\.io\/library\/traefik/);
    const second = await provision({ profile: 'minimal' });
    expectCode(second, 0);
    expect(second.outputs).toMatchObject({ changed: '0', drift: '0', findings: '0' });
    const verified = await provision({ profile: 'minimal', mode: 'verify' });
    expectCode(verified, 0);
    expect(verified.report).toMatchObject({ sound: true, findings: [] });
  });

  it('apply hardens it, and verify then finds nothing', async () => {
    const applied = await provision({});
    expectCode(applied, 0);
    expect(applied.outputs['findings']).toBe('0');
    const verified = await provision({ mode: 'verify' });
    expectCode(verified, 0);
    expect(verified.outputs).toMatchObject({ changed: '0', drift: '0', findings: '0' });
    expect(verified.report).toMatchObject({ v: 1, mode: 'verify', sound: true });
    const sshd = verified.report?.readings.find(({ id }) => id === 'sshd')?.value;
    expect(sshd).toContain('passwordauthentication no');
    expect(verified.summary).toContain('is as it should be');
    expect(verified.summary).not.toContain('Findings');
  });

  it('verify names what somebody has changed since, and changes nothing', async () => {
    await sh(`chmod 644 /opt/fixture/.env
      sed -i 's/^PasswordAuthentication no/PasswordAuthentication yes/' /etc/ssh/sshd_config.d/00-delivery.conf
      systemctl reload ssh
      ufw delete allow 80/tcp >/dev/null`);
    const ran = await provision({ mode: 'verify' });
    expectCode(ran, 1);
    expect(drifted(ran.report)).toEqual(expect.arrayContaining(['app_secrets', 'sshd', 'firewall']));
    expect(ran.report?.findings).toEqual(
      expect.arrayContaining([
        { what: 'files /opt/fixture/.env', found: '644 root:root', allowed: '600 root:root' },
        expect.objectContaining({ what: expect.stringMatching(/^sshd -T PasswordAuthentication/), found: 'yes' }),
        expect.objectContaining({ what: expect.stringMatching(/firewall.*80/) }),
      ]),
    );
    expect(errorLine(ran)).toMatch(/is not as it should be: .*app_secrets.*Run this with mode: apply/);
    expect(ran.report?.sound).toBe(false);
    expect(await sh('stat -c %a /opt/fixture/.env')).toBe('644');
  });

  it('apply repairs it', async () => {
    const ran = await provision({});
    expectCode(ran, 0);
    expect(Number(ran.outputs['changed'])).toBeGreaterThanOrEqual(3);
    expect(ran.report).toMatchObject({ sound: true, findings: [] });
    expect(await sh('stat -c %a /opt/fixture/.env')).toBe('600');
    const again = await provision({});
    expect(again.outputs).toMatchObject({ changed: '0', findings: '0' });
  });

  it('no secret is in a log, a summary, an output or a report; what is no secret is found there', () => {
    const { registry, tls } = stage.facts;
    const lines = (text: string): string[] =>
      text.split('\n').filter((line) => line.length > 30 && !line.startsWith('-----'));
    const secrets = [registry.password, ...lines(tls.key), ...lines(vps.adminKey)];
    const all = logs.join('\n');
    const spellings = secrets.flatMap((text) => [text, Buffer.from(text).toString('base64'), encodeURIComponent(text)]);
    expect(spellings.filter((text) => all.includes(text))).toEqual([]);
    expect(secrets.length).toBeGreaterThan(5);
    expect(all).toContain(stage.facts.images.agent);
    expect(all).toContain('/opt/fixture/.env 600 root:root');
  });
});
