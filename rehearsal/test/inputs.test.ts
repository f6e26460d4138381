import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runHere } from './action.ts';
import type { ActionName, Inputs } from './action.ts';
import { must } from './process.ts';

/**
 * Missing or malformed input of every action: one clear line that names the input, and nothing else happens. The host of every
 * case is a listener on this machine that counts connections, so "before any side effect" is seen, not believed.
 */
let listener: Server;
let connections = 0;
let directory: string;
let base: Record<ActionName, Inputs>;
let key: string;

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const PINNED = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU';

beforeAll(async () => {
  listener = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const port = String((listener.address() as AddressInfo).port);
  directory = await mkdtemp(join(tmpdir(), 'inputs-'));
  await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', join(directory, 'key')]);
  key = await must('cat', [join(directory, 'key')]);
  await must('openssl', [
    ...[
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=fixture.test',
    ],
    ...['-keyout', join(directory, 'tls.key'), '-out', join(directory, 'tls.pem')],
  ]);
  const publicKey = (await must('cat', [join(directory, 'key.pub')])).trim();
  const ssh = {
    'vps-host': '127.0.0.1',
    'ssh-port': port,
    'ssh-private-key': key,
    'known-hosts': PINNED,
    'connect-timeout-seconds': '3',
  };
  base = {
    'deploy-release': { ...ssh, 'vps-user': 'deploy', release: `127.0.0.1:${port}/fixture@${DIGEST}` },
    rollback: { ...ssh, 'vps-user': 'deploy' },
    'provision-vps': {
      ...ssh,
      'vps-user': 'root',
      app: 'fixture',
      'deploy-public-key': publicKey,
      'agent-image': `127.0.0.1:${port}/agent@${DIGEST}`,
      'edge-image': `127.0.0.1:${port}/edge@${DIGEST}`,
      tls: 'files',
      'tls-certificate': await must('cat', [join(directory, 'tls.pem')]),
      'tls-key': await must('cat', [join(directory, 'tls.key')]),
    },
    'build-images': {
      'compose-file': 'rehearsal/fixture/compose.yaml',
      registry: `127.0.0.1:${port}`,
      repository: 'example',
      version: '1.0.0',
    },
    'verify-health': { url: `http://127.0.0.1:${port}/health`, 'deadline-seconds': '2' },
  };
}, 60_000);

afterAll(async () => {
  listener.close();
  await rm(directory, { recursive: true, force: true });
});

/** [what, changed inputs (an empty text is what the runner passes for a missing input), the input that the line has to name] */
type Case = [string, Inputs, string];

const SSH_CASES: Case[] = [
  ['no host', { 'vps-host': '' }, 'vps-host'],
  ['a host with a space', { 'vps-host': 'exa mple.org' }, 'vps-host'],
  ['a host that is an option', { 'vps-host': '-oProxyCommand=x' }, 'vps-host'],
  ['a port that is no number', { 'ssh-port': 'ssh' }, 'ssh-port'],
  ['a port out of range', { 'ssh-port': '70000' }, 'ssh-port'],
  ['a user with shell text', { 'vps-user': 'deploy; id' }, 'vps-user'],
  ['no key', { 'ssh-private-key': '' }, 'ssh-private-key'],
  ['a key that is none', { 'ssh-private-key': 'CANARYKEYTEXT' }, 'ssh-private-key'],
  ['no known hosts', { 'known-hosts': '' }, 'known-hosts'],
  ['known hosts that are none', { 'known-hosts': 'trust me' }, 'known-hosts'],
  ['a connect timeout that is no number', { 'connect-timeout-seconds': 'soon' }, 'connect-timeout-seconds'],
];

const CASES: Record<ActionName, Case[]> = {
  'deploy-release': [
    ...SSH_CASES,
    ['no release', { release: '' }, 'release'],
    ['a release by tag', { release: 'registry.example/fixture:latest' }, 'release'],
    ['a release with a short digest', { release: 'registry.example/fixture@sha256:abc' }, 'release'],
    ['a secret without a value', { secrets: 'APP_KEY' }, 'secrets'],
    ['a secret with a bad name', { secrets: 'app-key=CANARYSECRET' }, 'secrets'],
    ['a lock wait that is negative', { 'lock-wait-seconds': '-1' }, 'lock-wait-seconds'],
    ['a bake that is too long', { 'bake-seconds': '99999' }, 'bake-seconds'],
  ],
  rollback: [
    ...SSH_CASES,
    ['a release id with shell text', { release: '$(id)' }, 'release'],
    ['a lock wait that is no number', { 'lock-wait-seconds': 'x' }, 'lock-wait-seconds'],
  ],
  'provision-vps': [
    ...SSH_CASES.filter(([what]) => what !== 'no key'),
    ['an app with capitals', { app: 'Fixture' }, 'app'],
    ['no deploy key', { 'deploy-public-key': '' }, 'deploy-public-key'],
    [
      'a private key for the public one',
      { 'deploy-public-key': '-----BEGIN OPENSSH PRIVATE KEY-----' },
      'deploy-public-key',
    ],
    ['an agent image by tag', { 'agent-image': 'registry.example/agent:latest' }, 'agent-image'],
    ['a deploy user with shell text', { 'deploy-user': 'deploy;id' }, 'deploy-user'],
    ['another kind of TLS', { tls: 'none' }, 'tls'],
    ['files without a certificate', { tls: 'files', 'tls-certificate': '' }, 'tls-certificate'],
    ['files without a key', { tls: 'files', 'tls-key': '' }, 'tls-key'],
    ['acme without an address', { tls: 'acme', 'acme-email': '' }, 'acme-email'],
  ],
  'build-images': [
    ['a compose file that is not there', { 'compose-file': 'not-there.yaml' }, 'compose-file'],
    ['no registry', { registry: '' }, 'registry'],
    ['a registry with a scheme', { registry: 'https://registry.example' }, 'registry'],
    ['a repository with capitals', { repository: 'Example/App' }, 'repository'],
    ['variables that are none', { variables: 'no equals sign' }, 'variables'],
    ['a user without a password', { 'registry-username': 'someone', 'registry-password': '' }, 'registry-password'],
    ['a cache that is neither true nor false', { cache: 'maybe' }, 'cache'],
  ],
  'verify-health': [
    ['no url', { url: '' }, 'url'],
    ['a url of another scheme', { url: 'ftp://example.org/' }, 'url'],
    ['a status that is none', { 'expected-status': '2xx' }, 'expected-status'],
    ['json that is none', { 'expected-json': '{status:' }, 'expected-json'],
    ['json that is no object', { 'expected-json': '[1]' }, 'expected-json'],
    ['a count that is zero', { consecutive: '0' }, 'consecutive'],
    ['a deadline that is no number', { 'deadline-seconds': 'soon' }, 'deadline-seconds'],
    ['an interval that is negative', { 'interval-ms': '-5' }, 'interval-ms'],
    ['a resolve without address', { resolve: 'example.org:443' }, 'resolve'],
    ['a certificate that is none', { 'ca-certificate': 'CANARYPEM' }, 'ca-certificate'],
  ],
};

for (const [action, cases] of Object.entries(CASES) as [ActionName, Case[]][]) {
  describe(`${action}, bad input`, () => {
    it.each(cases)('%s', async (_what, changed, named) => {
      const before = connections;
      const ran = await runHere(action, { ...base[action], ...changed });
      const errors = ran.log.split('\n').filter((line) => line.startsWith('::error'));
      expect({ code: ran.code, errors: errors.length, log: ran.log }).toEqual({
        code: 1,
        errors: 1,
        log: expect.any(String),
      });
      expect(errors[0]).toMatch(new RegExp(`(^|[^a-z-])${named}([^a-z-]|$)`));
      expect(connections - before).toBe(0);
      // The offending value of a secret input is never shown, and no stack trace is a message for users.
      expect(`${ran.log}${ran.summary}`).not.toMatch(/CANARY|BEGIN OPENSSH|\n\s+at .*index\.js/);
      expect(ran.wallMs).toBeLessThan(10_000);
    });
  });
}
