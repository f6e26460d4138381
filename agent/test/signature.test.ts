import { createHash, generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parseEnvelope } from '@delivery/release';
import { provenance, signatureTag } from '@delivery/trust';
import type { Build, Kind } from '@delivery/trust';
import { readPrivateKey, signWithKey } from '@delivery/trust/sign';
import { DockerError } from '../src/docker/engine.ts';
import { toStepError } from '../src/failure.ts';
import { releaseDirectory } from '../src/paths.ts';
import type { Paths } from '../src/paths.ts';
import { verifyStored } from '../src/signature.ts';
import { planDeploy } from '../src/steps/plan.ts';
import { verifySignature } from '../src/steps/verify.ts';
import { readRelease, writeRelease } from '../src/store.ts';
import { refuseOlder, successor } from '../src/successor.ts';
import { readTruth } from '../src/truth.ts';
import { VERSION } from '../src/version.ts';
import { deployed, digestOf, manifestOf, newHost, SEALED } from './host.ts';

const RELEASE = digestOf('c');
const REPOSITORY = 'registry.test/shop/shop-release';
const BUILD: Build = {
  repository: 'https://github.com/owner/shop',
  workflow: '.github/workflows/deploy.yml',
  ref: 'refs/heads/main',
  commit: 'a'.repeat(40),
  run: '',
  event: 'push',
};

const pair = (): { privateKey: string; publicKey: string } =>
  generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
const ours = pair();
const theirs = pair();

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const MANIFEST = JSON.stringify(manifestOf('r1', { files: { 'compose.yaml': sha256(SEALED) } }));

/** The bundle of a release (or an agent), with what a test wants otherwise. */
function bundle({
  key = ours.privateKey,
  digest = RELEASE,
  manifest = MANIFEST,
  build = {},
  kind = 'release',
}: { key?: string; digest?: string; manifest?: string; build?: Partial<Build>; kind?: Kind } = {}): Promise<string> {
  const subjects = [
    { name: REPOSITORY, digest },
    { name: 'manifest.json', digest: sha256(manifest) },
  ];
  const what = { kind, app: kind === 'agent' ? '' : 'shop', release: 'r1' };
  return signWithKey(readPrivateKey('key', key, null))(provenance(what, subjects, { ...BUILD, ...build }));
}

let root: string;
let paths: Paths;
beforeEach(() => {
  ({ root, paths } = newHost());
  writePolicy({
    format: 1,
    keys: [ours.publicKey],
    sources: [{ repository: BUILD.repository, workflow: BUILD.workflow, ref: BUILD.ref }],
    keyless: null,
  });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function writePolicy(signatures: object | undefined): void {
  writeFileSync(paths.policy, JSON.stringify({ repository: 'registry.test/shop', signatures }));
}

const log = jest.fn();
const events = { log } as never;

/** Plans the release as it lies in a registry that has `signature` under the tag, and verifies it as a deploy does. */
async function verified(signature: string | null, digest = RELEASE, manifest = MANIFEST): Promise<string> {
  const tag = `${REPOSITORY}:${signatureTag(digest)}`;
  const docker = {
    pull: (reference: string) =>
      reference === tag && signature === null
        ? Promise.reject(new DockerError(404, 'manifest unknown'))
        : Promise.resolve(),
    removeImage: () => Promise.resolve(),
    readImage: (reference: string) =>
      Promise.resolve(
        reference === tag
          ? new Map([['bundle.sigstore.json', Buffer.from(signature ?? '')]])
          : new Map([
              ['manifest.json', Buffer.from(manifest)],
              ['compose.yaml', Buffer.from(SEALED)],
            ]),
      ),
    containers: () => Promise.resolve([]),
  } as never;
  const envelope = parseEnvelope(
    JSON.stringify({ format: 1, operation: 'op', actor: 'someone', repository: REPOSITORY, secrets: {} }),
  );
  const run = { app: 'shop', paths, events, envelope, docker };
  try {
    const plan = await planDeploy(run, readTruth(paths), digest);
    return await verifySignature(run, plan);
  } catch (error) {
    const { code, message } = toStepError(error);
    return `${code}: ${message}`;
  }
}

describe('a host whose policy asks for signatures', () => {
  it('takes a release that a trusted key signed', async () => {
    expect(await verified(await bundle())).toMatch(/^signed with key [0-9a-f]{12}, built by https:/);
  });

  it('refuses by name what is unsigned, tampered with, or signed by another key', async () => {
    expect(await verified(null)).toMatch(/^unsigned: release r1/);
    const text = await bundle();
    const parsed = JSON.parse(text) as { dsseEnvelope: { payload: string } };
    const payload = Buffer.from(parsed.dsseEnvelope.payload, 'base64')
      .toString()
      .replace('"event_name":"push"', '"event_name":"pull"');
    parsed.dsseEnvelope.payload = Buffer.from(payload).toString('base64');
    expect(await verified(JSON.stringify(parsed))).toMatch(/^signature_tampered: release r1/);
    expect(await verified(await bundle({ key: theirs.privateKey }))).toMatch(/^signature_key: release r1/);
    expect(await verified('no bundle')).toMatch(/^signature_malformed: /);
  });

  it('refuses by name another repository, another workflow and another ref', async () => {
    const build = async (other: Partial<Build>): Promise<string> => verified(await bundle({ build: other }));
    expect(await build({ repository: 'https://github.com/someone/shop' })).toMatch(/^signature_repository: /);
    expect(await build({ workflow: '.github/workflows/pull.yml' })).toMatch(/^signature_workflow: /);
    expect(await build({ ref: 'refs/heads/feature' })).toMatch(/^signature_workflow: /);
  });

  it("refuses a moved tag: another release's valid signature, and the right one on a changed manifest", async () => {
    expect(await verified(await bundle({ digest: digestOf('d') }))).toMatch(/^signature_subject: .*the release image/);
    const changed = JSON.stringify(manifestOf('r1', { files: { 'compose.yaml': sha256(SEALED) }, version: 'other' }));
    expect(await verified(await bundle(), RELEASE, changed)).toMatch(/^signature_subject: .*manifest\.json/);
  });

  it('refuses everything while it trusts nobody', async () => {
    const none = { format: 1, keys: [], sources: [], keyless: null };
    writePolicy(none);
    expect(await verified(await bundle())).toMatch(/^policy: .*nobody is trusted/);
    writePolicy({ ...none, keyless: { issuer: 'https://token.actions.githubusercontent.com', trustedRoot: {} } });
    expect(await verified(await bundle())).toMatch(/^policy: .*sources.*is empty/);
    writePolicy({ ...none, keys: [ours.privateKey] });
    expect(await verified(await bundle())).toMatch(/^policy: .*public key/);
    writePolicy({ ...none, format: 2, keys: [ours.publicKey] });
    expect(await verified(await bundle())).toMatch(/^policy: .*signatures\.format/);
  });

  it('says so where the policy asks for none', async () => {
    writePolicy(undefined);
    expect(await verified(null)).toBe('no signature was asked for');
    expect(log).toHaveBeenCalledWith('warning', expect.stringContaining('whoever can push'));
  });
});

describe('a kept release', () => {
  const files = new Map([
    ['manifest.json', Buffer.from(MANIFEST)],
    ['compose.yaml', Buffer.from(SEALED)],
  ]);
  const again = async (atTheHost = false): Promise<string> => {
    const stored = readRelease(paths, 'r1');
    if (stored === null) throw new Error('not stored');
    return verifyStored({ app: 'shop', paths, events }, stored, atTheHost).then(
      () => 'accepted',
      (error: unknown) => toStepError(error).code,
    );
  };

  it('is verified again before it comes back, offline, with its files', async () => {
    writeRelease(paths, 'r1', RELEASE, files, await bundle());
    expect(await again()).toBe('accepted');
    const manifest = join(releaseDirectory(paths, 'r1'), 'manifest.json');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"version":"1"', '"version":"2"'));
    expect(await again()).toBe('signature_subject');
    writeRelease(paths, 'r1', RELEASE, files, await bundle());
    writeFileSync(join(releaseDirectory(paths, 'r1'), 'compose.yaml'), `${SEALED}\n# changed`);
    expect(await again()).toBe('file_changed');
    // A key that was taken out of the policy takes its releases along.
    writeRelease(paths, 'r1', RELEASE, files, await bundle());
    writePolicy({ format: 1, keys: [theirs.publicKey], sources: [], keyless: null });
    expect(await again()).toBe('signature_key');
  });

  it('comes back without a signature from a shell on the host only', async () => {
    writeRelease(paths, 'r1', RELEASE, files);
    expect(await again()).toBe('unsigned');
    expect(await again(true)).toBe('accepted');
  });
});

describe('the next agent', () => {
  const DIGEST = digestOf('e');
  const IMAGE = `registry.test/delivery/agent@${DIGEST}`;
  const asked = (version: string | null, signature: string | null): Promise<string> =>
    successor(paths, IMAGE, {
      imageLabels: () => Promise.resolve(version === null ? {} : { 'delivery.agent.version': version }),
      imageId: () => Promise.resolve(signature === null ? null : 'sha256:1'),
      readImage: () => Promise.resolve(new Map([['bundle.sigstore.json', Buffer.from(signature ?? '')]])),
    }).then(
      ({ version: found }) => found,
      (error: unknown) => toStepError(error).code,
    );

  it('is verified by the one before it', async () => {
    const agent = { digest: DIGEST, kind: 'agent' } as const;
    expect(await asked(VERSION, await bundle(agent))).toBe(VERSION);
    expect(await asked('9.0.0', await bundle(agent))).toBe('9.0.0');
    expect(await asked('9.0.0', null)).toBe('unsigned');
    expect(await asked('9.0.0', await bundle({ ...agent, key: theirs.privateKey }))).toBe('signature_key');
    expect(await asked('9.0.0', await bundle({ ...agent, digest: digestOf('f') }))).toBe('signature_subject');
    // An app's own release must not become the program that has the Docker socket.
    expect(await asked('9.0.0', await bundle({ digest: DIGEST }))).toBe('signature_subject');
  });

  it('is never an older one, and always says its version', async () => {
    writePolicy(undefined);
    expect(await asked('0.0.9', null)).toBe('agent_older');
    expect(await asked(null, null)).toBe('agent_unknown');
    expect(await asked(VERSION, null)).toBe(VERSION);
  });

  it('does not go on where a newer one has been, and its image is labelled with its version', () => {
    deployed(paths, 'r1', 'blue', { agent: VERSION });
    deployed(paths, 'r2', 'green');
    expect(() => refuseOlder(paths)).not.toThrow();
    deployed(paths, 'r3', 'blue', { agent: '9.0.0' });
    deployed(paths, 'r4', 'green', { agent: VERSION });
    expect(() => refuseOlder(paths)).toThrow('9.0.0 has driven this app');
    writeFileSync(paths.ledger, '{"v":2,"seq":1}\n');
    expect(() => refuseOlder(paths)).toThrow('written by a newer agent');
    const dockerfile = readFileSync(join(dirname(import.meta.dirname), 'Dockerfile'), 'utf8');
    expect(dockerfile).toContain(`delivery.agent.version="${VERSION}"`);
  });
});
