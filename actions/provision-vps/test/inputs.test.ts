import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { readInputs } from '@delivery/runner';
import { planFor } from '../src/facts.ts';
import { readProvisionInputs, type Inputs } from '../src/inputs.ts';
import { parseFacts } from '../../../host/provision/facts.ts';

const blob = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.alloc(36, 1)]);
const GOOD: Record<string, string> = {
  'vps-host': 'host.example',
  'ssh-port': '22',
  'vps-user': 'ubuntu',
  'ssh-private-key': String(
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' }),
  ),
  'known-hosts': `SHA256:${'A'.repeat(43)}`,
  app: 'shop',
  'deploy-public-key': `ssh-ed25519 ${blob.toString('base64')}`,
  'agent-image': `registry.test/agent@sha256:${'a'.repeat(64)}`,
  'acme-email': 'me@example.org',
};
const given: string[] = [];

function read(changes: Record<string, string> = {}): Inputs {
  for (const [name, value] of Object.entries({ ...GOOD, ...changes })) {
    const key = `INPUT_${name.toUpperCase()}`;
    process.env[key] = value;
    given.push(key);
  }
  return readInputs(readProvisionInputs);
}
// The mask commands for the key that is made up here.
beforeEach(() => void jest.spyOn(process.stdout, 'write').mockReturnValue(true));
afterEach(() => {
  jest.restoreAllMocks();
  for (const key of given.splice(0)) delete process.env[key];
});

describe('inputs of provision-vps', () => {
  it('are taken when they are right', () => {
    expect(read()).toMatchObject({ app: 'shop', deployUser: 'deploy', repository: null });
  });

  it('refuse the admin as the deploy user: provisioning would take their keys', () => {
    expect(() => read({ 'deploy-user': 'ubuntu' })).toThrow(/^Input "deploy-user": found "ubuntu", which is also the/);
    expect(() => read({ 'deploy-user': 'root', 'vps-user': 'root' })).toThrow('Input "deploy-user": found "root"');
  });

  it.each(['edge', 'containerd'])("refuse the app name %s, a directory of the host's own", (app) => {
    expect(() => read({ app })).toThrow(`Input "app": found "${app}"; allowed: another name`);
  });

  it('lower the case of the repository and hand it to the host', () => {
    const inputs = read({ repository: 'ghcr.io/Owner/Repo' });
    expect(inputs.repository).toBe('ghcr.io/owner/repo');
    expect(planFor(inputs, parseFacts([])).repository).toBe('ghcr.io/owner/repo');
    expect(read({ repository: 'registry.test:5000/x' }).repository).toBe('registry.test:5000/x');
  });

  it.each([
    'owner/repo',
    'ghcr.io',
    'ghcr.io/',
    'ghcr.io/a:tag',
    'ghcr.io/a/../b',
    'https://ghcr.io/a',
    'ghcr.io/$(id)',
  ])('refuse the repository %s', (repository) => {
    expect(() => read({ repository })).toThrow('Input "repository": found');
  });
});

describe('modes', () => {
  it('are plan, apply and verify; without one it is apply, hardened', () => {
    expect(read()).toMatchObject({ mode: 'apply', profile: 'hardened', allowSmallHost: false, dnsNames: [] });
    expect(read({ mode: 'plan', profile: 'minimal' })).toMatchObject({ mode: 'plan', profile: 'minimal' });
    expect(() => read({ mode: 'dry' })).toThrow('Input "mode": found "dry"; allowed: plan, apply, verify');
    expect(() => read({ profile: 'full' })).toThrow('Input "profile": found "full"; allowed: hardened, minimal');
  });

  it.each([
    ['new-ssh-port', '2200'],
    ['open-ports', '25/tcp'],
  ])('refuses %s where the profile changes no such thing', (name, value) => {
    expect(() => read({ [name]: value })).not.toThrow();
    expect(() => read({ profile: 'minimal', [name]: value })).toThrow(
      `Input "${name}": found "${value}"; allowed: nothing with "profile: minimal"`,
    );
  });

  it('verify takes the agent that the host has where none is named, the others need one', () => {
    const inputs = read({ mode: 'verify', 'agent-image': '' });
    const there = `registry.test/agent@sha256:${'b'.repeat(64)}`;
    expect(planFor(inputs, parseFacts([`agent=${Buffer.from(`${there}\n`).toString('base64')}`])).agentImage).toBe(
      there,
    );
    expect(planFor(inputs, parseFacts([`agent=${Buffer.from('$(id)').toString('base64')}`])).agentImage).toBe('');
    for (const mode of ['plan', 'apply'])
      expect(() => read({ mode, 'agent-image': '' })).toThrow(/^Input "agent-image": found nothing/);
  });

  it('take the names that must lead to the host, one a line, each once', () => {
    expect(read({ 'dns-names': 'Shop.example.org\n\n api.shop.example.org \nshop.example.org' }).dnsNames).toEqual([
      'shop.example.org',
      'api.shop.example.org',
    ]);
    for (const name of ['https://shop.example.org', 'shop', '203.0.113.7', '-x.example', '$(id).example'])
      expect(() => read({ 'dns-names': name })).toThrow(`Input "dns-names": found ${JSON.stringify(name)}`);
  });
});

describe('who must have signed a release', () => {
  const pem = (curve: string, half: 'public' | 'private' = 'public'): string => {
    const pair = generateKeyPairSync('ec', { namedCurve: curve });
    return half === 'public'
      ? String(pair.publicKey.export({ type: 'spki', format: 'pem' }))
      : String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  };
  const repository = 'registry.test/shop';
  const identity = 'owner/shop/.github/workflows/*@refs/heads/main';

  it('is nobody unless said', () => {
    expect(read({ repository }).signatures).toBeNull();
  });

  it('is one or more keys, bound to workflows where they are named', () => {
    const found = read({
      repository,
      'signing-public-key': pem('P-256') + pem('P-256').replaceAll('\n', '\r\n'),
      'signing-identity': `${identity}\n`,
    }).signatures;
    expect(found?.keys).toHaveLength(2);
    expect(found?.sources).toEqual([
      { repository: 'https://github.com/owner/shop', workflow: '.github/workflows/*', ref: 'refs/heads/main' },
    ]);
  });

  it('is an authority only together with workflows', () => {
    const root = JSON.stringify({ certificateAuthorities: [] });
    expect(() => read({ repository, 'signing-trusted-root': root })).toThrow(/"signing-identity": found nothing/);
    expect(
      read({ repository, 'signing-trusted-root': root, 'signing-identity': identity }).signatures?.keyless,
    ).toMatchObject({
      issuer: 'https://token.actions.githubusercontent.com',
    });
  });

  it('is refused by name where it cannot be used', () => {
    const refused = (changes: Record<string, string>): string => {
      try {
        read({ repository, ...changes });
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refused({ 'signing-public-key': pem('P-256', 'private') })).toContain('is a private key');
    expect(refused({ 'signing-public-key': pem('P-384') })).toContain('secp384r1');
    expect(refused({ 'signing-public-key': 'ssh-ed25519 AAAA' })).toContain('without a PEM block');
    expect(refused({ 'signing-identity': identity })).toContain('no key and no root');
    expect(refused({ 'signing-public-key': pem('P-256'), 'signing-identity': 'owner/shop' })).toContain(
      'lines of <owner>',
    );
    expect(refused({ 'signing-public-key': pem('P-256'), repository: '' })).toMatch(/"repository": found nothing/);
    expect(refused({ 'signing-trusted-root': '[]' })).toContain('TrustedRoot document');
  });
});
