import { describe, expect, it, jest } from '@jest/globals';
import { parseEnvelope } from '@delivery/release';
import type { Identity } from '@delivery/runner/host';
import ssh2 from 'ssh2';
import { deployInputs } from '../src/inputs.ts';

const { private: key, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519');
const DIGEST = `sha256:${'0a'.repeat(32)}`;
const who: Identity = {
  operation: '7-1-ab',
  runId: '7',
  actor: 'someone',
  run: 'https://github.example/o/r/actions/runs/7',
};
const GOOD: Record<string, string> = {
  'vps-host': 'web.example',
  'ssh-private-key': key,
  'known-hosts': `web.example ${publicKey}`,
  release: `registry.example/group/app@${DIGEST}`,
};

function read(inputs: Record<string, string>): ReturnType<typeof deployInputs> {
  const set = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value] as const);
  for (const [name, value] of set) process.env[name] = value;
  const silence = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    return deployInputs(who);
  } finally {
    silence.mockRestore();
    for (const [name] of set) delete process.env[name];
  }
}

describe('deployInputs', () => {
  it('fills the defaults', () => {
    expect(read(GOOD)).toMatchObject({
      connection: { host: 'web.example', port: 22, user: 'deploy', connectTimeoutMs: 10_000 },
      app: null,
      release: { digest: DIGEST, repository: 'registry.example/group/app' },
      envelope: { operation: '7-1-ab', registry: null, secrets: {}, options: { lockWaitSeconds: 0, bakeSeconds: 10 } },
      token: null,
      environment: null,
      environmentUrl: null,
    });
  });

  it('takes the typed schema number as it is, and nothing that is no number', () => {
    expect(read(GOOD).envelope.options).not.toHaveProperty('forceSchema');
    expect(read({ ...GOOD, 'force-schema': '12' }).envelope.options?.forceSchema).toBe(12);
    for (const typed of ['yes', '012', '-1', '1.0', '1e3'])
      expect(() => read({ ...GOOD, 'force-schema': typed })).toThrow('Input "force-schema"');
  });

  it('takes the limits of the watch, and nothing beyond their bounds', () => {
    const limits = {
      'bake-minimum-samples': '200',
      'bake-error-ratio': '0.005',
      'bake-latency-factor': '1.5',
      'bake-latency-floor-ms': '100',
      'bake-failed-probes': '2',
    };
    // What is left out is what the host takes by itself.
    const plain = read(GOOD).envelope;
    const byHost = parseEnvelope(JSON.stringify({ ...plain, options: {} })).options;
    expect(parseEnvelope(JSON.stringify(plain)).options).toEqual({ ...byHost, bakeSeconds: 10 });
    const { envelope } = read({ ...GOOD, ...limits });
    expect(parseEnvelope(JSON.stringify(envelope)).options).toMatchObject({
      bakeMinimumSamples: 200,
      bakeErrorRatio: 0.005,
      bakeLatencyFactor: 1.5,
      bakeLatencyFloorMs: 100,
      bakeFailedProbes: 2,
    });
    for (const [name, value] of [
      ['bake-minimum-samples', '0'],
      ['bake-error-ratio', '1.01'],
      ['bake-error-ratio', '2%'],
      ['bake-latency-factor', '0.9'],
      ['bake-latency-floor-ms', '1.5'],
      ['bake-failed-probes', 'all'],
    ] as const)
      expect(() => read({ ...GOOD, [name]: value })).toThrow(`Input "${name}"`);
  });

  it('makes an envelope that the host takes', () => {
    const { envelope } = read({
      ...GOOD,
      'registry-username': 'robot',
      'registry-password': 'pass-word',
      secrets: 'APP_KEY=a=b "c"\n# note\nEMPTY=',
      'lock-wait-seconds': '60',
      'bake-seconds': '5',
    });
    expect(parseEnvelope(JSON.stringify(envelope))).toEqual({
      format: 1,
      operation: '7-1-ab',
      repository: 'registry.example/group/app',
      registry: { host: 'registry.example', username: 'robot', password: 'pass-word' },
      secrets: { APP_KEY: 'a=b "c"', EMPTY: '' },
      options: expect.objectContaining({ lockWaitSeconds: 60, bakeSeconds: 5 }),
      actor: 'someone',
      run: 'https://github.example/o/r/actions/runs/7',
    });
  });

  const wrong: [string, Record<string, string>, RegExp][] = [
    ['no key', { 'ssh-private-key': '' }, /^Input "ssh-private-key": .*it is empty/],
    ['a public key', { 'ssh-private-key': publicKey }, /"ssh-private-key": .*public key/],
    [
      'known hosts of another host',
      { 'known-hosts': `other.example ${publicKey}` },
      /"known-hosts": .*no line for web\.example/,
    ],
    ['a user name without a password', { 'registry-username': 'robot' }, /"registry-password"/],
    ['a password without a user name', { 'registry-password': 'canary-pass' }, /"registry-username"/],
    ['an app in capitals', { app: 'App' }, /"app"/],
    ['secrets that are too long', { secrets: `A=${'x'.repeat(1024 * 1024)}` }, /"secrets": .*less than 1 MiB/],
    ['an environment URL of another scheme', { 'environment-url': 'javascript:alert(1)' }, /"environment-url"/],
  ];
  it.each(wrong)('refuses %s', (_name, changes, message) => {
    const act = (): unknown => read({ ...GOOD, ...changes });
    expect(act).toThrow(message);
    expect(act).not.toThrow(/canary/);
  });
});
