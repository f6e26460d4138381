import { readFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { readInputs } from '@delivery/runner';
import type { ExecOptions, Session } from '@delivery/ssh';
import { parse } from 'yaml';
import { parseFacts } from '../../../host/provision/facts.ts';
import { HOST_INPUTS, outcomeOf, scriptOf, type Asked, type Phase } from '../src/ansible.ts';
import { planFor } from '../src/facts.ts';
import { readProvisionInputs, type Mode } from '../src/inputs.ts';
import { runTasks } from '../src/tasks.ts';

const blob = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.alloc(36, 1)]);
const PASSWORD = 'CANARY-of-the-registry';
const INPUTS: Record<string, string> = {
  mode: 'apply',
  app: 'shop',
  repository: 'ghcr.io/owner/shop',
  'deploy-public-key': `ssh-ed25519 ${blob.toString('base64')}`,
  'agent-image': `registry.test/agent@sha256:${'a'.repeat(64)}`,
  'acme-email': 'me@example.org',
  'registry-username': 'someone',
  'registry-password': PASSWORD,
};
const CONNECTION: Record<string, string> = {
  'vps-host': 'host.example',
  'vps-user': 'ubuntu',
  'ssh-private-key': String(
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' }),
  ),
  'known-hosts': `SHA256:${'A'.repeat(43)}`,
};
const FACTS = Object.entries({
  ...{ user: 'root', uid: '0', os_id: 'debian', os_version: '13', os_name: 'Debian 13', init: 'systemd' },
  ...{ cpus: '2', memory: '2000000', disk: '40000000 30000000', machine: 'x86_64' },
  ...{ ssh_ports: '22 2222', container: '1', daemon_json: '{"dns":["192.0.2.1"]}' },
})
  .map(([name, value]) => `${name}=${Buffer.from(value).toString('base64')}\n`)
  .join('');

const ask = (inputs: Record<string, unknown> = {}, facts = FACTS): Asked => ({
  inputs: { ...INPUTS, ...inputs },
  user: 'ubuntu',
  facts,
  phase: 'all',
});

/** What the action itself sends for the same inputs and facts. */
async function sentByAction(mode: Mode): Promise<string> {
  for (const [name, value] of Object.entries({ ...INPUTS, ...CONNECTION }))
    process.env[`INPUT_${name.toUpperCase()}`] = value;
  const inputs = readInputs(readProvisionInputs);
  let sent = '';
  const exec = (_: string, { stdin = '' }: ExecOptions) => {
    sent = String(stdin);
    return Promise.resolve({ code: 0, signal: null, stderrTail: '' });
  };
  const plan = planFor(inputs, parseFacts(FACTS.split('\n')));
  const login = { session: { exec } as unknown as Session, user: 'ubuntu', port: 22 };
  await runTasks(login, plan, mode, new AbortController().signal);
  return sent;
}

let before: NodeJS.ProcessEnv;
beforeEach(() => {
  before = { ...process.env };
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(() => {
  jest.restoreAllMocks();
  process.env = before;
});

describe('the script for Ansible', () => {
  it('is the one that the action sends for the same inputs and facts', async () => {
    expect(scriptOf(ask())).toBe(await sentByAction('apply'));
    expect(scriptOf(ask({ mode: 'plan' }))).toBe(await sentByAction('plan'));
  });

  it('knows every input of the action that is not about the connection', () => {
    const file = readFileSync(new URL('../action.yml', import.meta.url), 'utf8');
    const names = Object.keys((parse(file) as { inputs: Record<string, unknown> }).inputs);
    const connection = /^(vps-|ssh-|known-hosts$|password$|connect-|dns-names$)/;
    expect(names.filter((name) => !connection.test(name)).sort()).toEqual([...HOST_INPUTS].sort());
  });

  it('is refused for an input that does not exist, without a value of any', () => {
    const misspelt = (): unknown => scriptOf(ask({ registry_password: PASSWORD }));
    expect(misspelt).toThrow(/^"provision" names registry_password; allowed are mode, /);
    expect(misspelt).not.toThrow(PASSWORD);
  });

  it('takes true and false as YAML has them, and refuses the login of Ansible as the deploy user', () => {
    expect(scriptOf(ask({ 'allow-run': true }))).not.toBe(scriptOf(ask({ 'allow-run': false })));
    expect(() => scriptOf(ask({ 'deploy-user': 'ubuntu' }))).toThrow('Input "deploy-user": found "ubuntu"');
  });

  it('is not rendered for a host that cannot be prepared', () => {
    expect(() => scriptOf(ask({}, FACTS.replace(/init=.*/, '')))).toThrow(
      /cannot be prepared.*process 1: found unknown; allowed: systemd/,
    );
  });
});

describe('what Ansible tells', () => {
  const line = (task: string, status: string, message = ''): string =>
    JSON.stringify({ task, status, ms: 12, message });
  const end = JSON.stringify({ proof: 'end', value: 'done' });
  const told = (lines: string[], { rc = 0, stderr = '', mode = 'plan' } = {}) =>
    outcomeOf({ ...ask({ mode }), ran: { rc, stdout: ['a banner', ...lines].join('\n'), stderr } });
  // 1 CPU and little memory are warned of each time; not what these tests are about.
  const said = (found: { lines: string[] }): string[] => found.lines.filter((text) => !text.includes('recommended'));

  it('is what was changed, and nothing of what was right', () => {
    const found = told([line('sshd', 'ok'), line('packages', 'changed', 'installed: ufw'), end]);
    expect(said(found)).toEqual(['+ packages (12 ms): installed: ufw']);
    expect(found).toMatchObject({ changed: true, failed: false });
    expect(told([line('sshd', 'ok'), line('kernel', 'skipped'), end])).toMatchObject({ changed: false, failed: false });
    expect(told([line('sshd', 'drift'), end])).toMatchObject({ changed: true, failed: false });
  });

  it('is the failed task, or a script that ended early', () => {
    const failed = told([line('packages', 'failed', 'no space')], { rc: 1 });
    expect(failed).toMatchObject({ failed: true });
    expect(failed.lines.at(-1)).toContain('Task packages failed: no space');
    expect(told([line('sshd', 'ok')])).toMatchObject({ failed: true });
    expect(told([], { rc: 75, stderr: 'another run' }).lines.at(-1)).toContain('another run');
  });

  it('is what the host read back and should not be so', () => {
    const found = told([line('sshd', 'ok'), end], { mode: 'apply' });
    expect(found).toMatchObject({ changed: false, failed: true });
    expect(found.lines).toContain('sshd -T: found no answer; allowed: an answer of the host');
  });
});

describe('the way to a closed sshd', () => {
  const KEY = `ssh-ed25519 ${Buffer.alloc(51, 2).toString('base64')} someone@example`;
  const told = (phase: Phase, lines: string[], inputs: Record<string, unknown> = {}) =>
    outcomeOf({
      ...{ ...ask({ 'admin-public-key': KEY, ...inputs }), user: 'root', phase },
      ran: { rc: 0, stdout: [...lines, '{"proof":"end","value":"done"}'].join('\n'), stderr: '' },
    });
  const drift = '{"task":"sshd","status":"drift","ms":1,"message":""}';
  const right = drift.replace('drift', 'ok');

  it('is closed as the admin, and confirmed over one more login', () => {
    expect(told('all', [drift])).toMatchObject({
      failed: false,
      next: { phase: 'close', user: 'ops', port: null },
    });
    expect(told('close', [drift.replace('drift', 'changed')])).toMatchObject({
      changed: true,
      next: { phase: 'confirm', user: 'ops', port: null },
    });
    expect(told('confirm', [right]).next).toBeNull();
  });

  it('opens another port first, over the login that is there', () => {
    const moving = { 'new-ssh-port': 2200 };
    expect(told('all', [drift], moving).next).toEqual({ phase: 'move', user: '', port: null });
    expect(told('move', [right], moving).next).toEqual({ phase: 'close', user: 'ops', port: 2200 });
  });

  it('is not taken where nothing is open, where a task failed, and with --check', () => {
    expect(told('all', [right]).next).toBeNull();
    expect(told('all', [drift], { mode: 'plan' })).toMatchObject({ changed: true, next: null });
    expect(told('close', [drift.replace('drift', 'failed')])).toMatchObject({ failed: true, next: null });
  });

  it('leaves root its key where nobody said whose key the admin has', () => {
    expect(told('all', [drift], { 'admin-public-key': undefined }).next).toMatchObject({ user: 'root' });
    expect(() => told('all', [], { 'admin-public-key': 'a password' })).toThrow(/^Input "admin-public-key"/);
  });

  it('has scripts of its own, the ones that the action sends', () => {
    const asked: Asked = { ...ask({ 'admin-public-key': KEY }), user: 'root' };
    const [close, confirm] = (['close', 'confirm'] as const).map((phase) => scriptOf({ ...asked, phase }));
    expect(close).toContain('task sshd');
    expect(close).not.toContain('task packages');
    expect(confirm).toContain('task ssh_confirmed');
  });
});
