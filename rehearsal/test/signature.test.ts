import { beforeAll, describe, expect, it } from '@jest/globals';
import { BUNDLE_FILE } from '@delivery/trust';
import { must as mustOn, testHost } from '../hosts/host.ts';
import { bundleOf, makeSigningKey, pushBundle } from '../hosts/signing.ts';
import { runInRunner } from './action.ts';
import { expectCode } from './expect.ts';
import { Stage } from './stage.ts';
import type { Built } from './stage.ts';

const stage = Stage.open();
const { registry } = stage.facts;
const runner = testHost(stage.facts.runner.container);
const LOGIN = { DOCKER_CONFIG: '/tmp/signature-tests' };

/** A deploy that must be refused: its code, and the proof that none of the release's images was pulled and nothing went live. */
async function refused(built: Built): Promise<string> {
  const live = (await stage.status()).running?.release;
  const images = (await stage.vpsShell('docker image ls --digests --format "{{.Digest}}"')).split('\n');
  const ran = await stage.deployRelease(built.release, { 'lock-wait-seconds': '60' });
  expectCode(ran, 1);
  const after = await stage.status();
  expect(after.running?.release).toBe(live);
  const now = (await stage.vpsShell('docker image ls --digests --format "{{.Digest}}"')).split('\n');
  expect(now.filter((digest) => !images.includes(digest))).toEqual([]);
  const error = after.ledger.at(-1)?.error;
  expect(ran.log).toContain(error?.message ?? 'no error on record');
  return error?.code ?? '';
}

/** Puts another bundle under the tag of a release's signature. */
async function replaceBundle(built: Built, change: (bundle: string) => string | Promise<string>): Promise<void> {
  const out = '/tmp/signature-now';
  const read = `set -e; docker pull -q "$1" >/dev/null; id=$(docker create "$1" x); docker cp "$id:/${BUNDLE_FILE}" ${out}; docker rm "$id" >/dev/null; cat ${out}; rm ${out}`;
  const bundle = await mustOn(runner, ['sh', '-c', read, 'read', built.signature], { env: LOGIN });
  await pushBundle(runner, built.release, await change(bundle), LOGIN);
}

let signed: Built;
beforeAll(async () => {
  await mustOn(runner, ['docker', 'login', '-u', registry.username, '--password-stdin', registry.host], {
    env: LOGIN,
    input: registry.password,
  });
  signed = await stage.running('v1');
}, 600_000);

describe('a host that asks for signatures', () => {
  it('takes a signed release, says who signed it, and keeps the signature beside it', async () => {
    expect(signed.signature).toMatch(/:sha256-[0-9a-f]{64}\.sigstore\.json$/);
    const kept = await stage.vpsShell('cat "/opt/fixture/releases/$1/signature.sigstore.json"', signed.releaseId);
    expect(JSON.parse(kept)).toHaveProperty('dsseEnvelope.signatures');
    const run = await stage.vpsShell('cat /opt/fixture/runs/*.jsonl');
    expect(run).toMatch(
      /"step":"verify","status":"ok".*signed with key [0-9a-f]{12}, built by https:\/\/github\.example/,
    );
    const { web } = JSON.parse(signed.images) as { web: string };
    const [repository = '', digest = ''] = web.split('@');
    const tag = `${repository}:${digest.replace(':', '-')}.sigstore.json`;
    await mustOn(runner, ['docker', 'pull', '-q', tag], { env: LOGIN });
  }, 120_000);

  it('refuses an unsigned release, which can still be built, with a warning', async () => {
    const built = await stage.build('unsigned', {}, { inputs: { 'signing-key': '' } });
    expect(built.signature).toBe('');
    expect(await refused(built)).toBe('unsigned');
  }, 300_000);

  it('refuses what another key signed', async () => {
    const built = await stage.build('other-key', {}, { inputs: { 'signing-key': makeSigningKey().private } });
    expect(await refused(built)).toBe('signature_key');
  }, 300_000);

  it('refuses what was built by another repository, another workflow or at another ref', async () => {
    const by = async (name: string, workflow: string): Promise<string> => {
      const repository = workflow.split('/').slice(0, 2).join('/');
      return refused(
        await stage.build(
          name,
          {},
          { options: { env: { GITHUB_REPOSITORY: repository, GITHUB_WORKFLOW_REF: workflow } } },
        ),
      );
    };
    expect(await by('fork', 'someone/fork/.github/workflows/deploy.yml@refs/heads/main')).toBe('signature_repository');
    expect(await by('workflow', 'example/fixture/.github/workflows/pull.yml@refs/heads/main')).toBe(
      'signature_workflow',
    );
    expect(await by('ref', 'example/fixture/.github/workflows/deploy.yml@refs/pull/1/merge')).toBe(
      'signature_workflow',
    );
  }, 600_000);

  it('refuses a tampered bundle, and a tag that was moved to another release of ours', async () => {
    const built = await stage.build('moved', {});
    await replaceBundle(built, (bundle) => {
      const parsed = JSON.parse(bundle) as { dsseEnvelope: { payload: string } };
      const text = Buffer.from(parsed.dsseEnvelope.payload, 'base64')
        .toString()
        .replace('"event_name":"push"', '"event_name":"pull"');
      parsed.dsseEnvelope.payload = Buffer.from(text).toString('base64');
      return JSON.stringify(parsed);
    });
    expect(await refused(built)).toBe('signature_tampered');
    let other = '';
    await replaceBundle(signed, (bundle) => (other = bundle));
    await replaceBundle(built, () => other);
    expect(await refused(built)).toBe('signature_subject');
  }, 600_000);

  it('refuses a blob that was replaced in the registry', async () => {
    const built = await stage.build('replaced', {});
    const digest = built.release.split(':').at(-1) ?? '';
    // Whoever can write to the registry's disk: the layer of the release image has other content under the same name.
    const replace = `set -e; b=/var/lib/registry/docker/registry/v2/blobs/sha256
      d="$1"; m="$b/$(echo "$d" | cut -c1-2)/$d/data"
      l=$(grep -o 'sha256:[0-9a-f]*' "$m" | tail -n 1 | cut -d: -f2)
      printf x >>"$b/$(echo "$l" | cut -c1-2)/$l/data"`;
    await mustOn(testHost(registry.container), ['sh', '-c', replace, 'replace', digest]);
    expect(await refused(built)).toMatch(/^pull$/);
  }, 300_000);

  it('refuses everything while its policy trusts nobody', async () => {
    const path = '/opt/fixture/policy.json';
    const before = await stage.vpsShell(`cat ${path}`);
    const policy = JSON.parse(before) as { signatures: { keys: string[] } };
    policy.signatures.keys = [];
    await stage.vpsShell('printf "%s\\n" "$1" >/opt/fixture/policy.json', JSON.stringify(policy));
    try {
      expect(await refused(await stage.built('v2'))).toBe('policy');
    } finally {
      await stage.vpsShell('printf "%s" "$1" >/opt/fixture/policy.json', before);
    }
  }, 300_000);

  it('verifies a kept release again before it comes back, without the registry', async () => {
    await stage.running('v2');
    const file = `/opt/fixture/releases/${signed.releaseId}/compose.yaml`;
    await stage.vpsShell(`printf '# changed\\n' >>${file}`);
    const refusedRun = await stage.rollback({ release: signed.releaseId });
    expectCode(refusedRun, 1);
    expect((await stage.status()).ledger.at(-1)?.error?.code).toBe('file_changed');
    await stage.vpsShell(`sed -i '$d' ${file}`);
    expectCode(await stage.rollback({ release: signed.releaseId }), 0);
    expect((await stage.status()).running?.release).toBe(signed.releaseId);
  }, 300_000);

  it('does not lose its signatures by a provisioning that leaves the inputs out', async () => {
    const inputs = { ...stage.provisionInputs(), 'signing-public-key': '', 'signing-identity': '' };
    const ran = await runInRunner(stage.facts.runner, 'provision-vps', inputs, { timeoutMs: 180_000 });
    expectCode(ran, 1);
    expect(ran.log).toContain('asks for signatures and this run names nobody');
    expect(await stage.vpsShell('cat /opt/fixture/policy.json')).toContain('BEGIN PUBLIC KEY');
  }, 200_000);
});

describe('two builds of the agent on one host', () => {
  /** The agent's image with another version, pushed and signed with `key` (null: not signed). */
  async function agent(
    version: string,
    key = stage.facts.signingKey as typeof stage.facts.signingKey | null,
  ): Promise<string> {
    const repository = `${registry.host}/delivery/agent`;
    const tag = `${repository}:v${version}${key === null ? '-unsigned' : ''}`;
    const build = `set -e; d=$(mktemp -d); cp -r /src/agent/dist /src/agent/Dockerfile "$d"
      v=$(sed -n 's/.*delivery.agent.version="\\([0-9.]*\\)".*/\\1/p' "$d/Dockerfile")
      sed -i "s/const VERSION = '$v'/const VERSION = '$1'/" "$d/dist/index.js"
      sed -i "s/delivery.agent.version=\\"$v\\"/delivery.agent.version=\\"$1\\"/" "$d/Dockerfile"
      docker build -q -t "$2" "$d" >&2; docker push -q "$2" >&2; rm -rf "$d"
      docker image inspect -f '{{join .RepoDigests "\\n"}}' "$2" | grep "^$3@"`;
    const image =
      (await mustOn(runner, ['sh', '-c', build, 'agent', version, tag, repository], { env: LOGIN })).split('\n')[0] ??
      '';
    if (key !== null) await pushBundle(runner, image, await bundleOf(image, key, 'agent'), LOGIN);
    return image;
  }
  const provision = (image: string) =>
    runInRunner(
      stage.facts.runner,
      'provision-vps',
      { ...stage.provisionInputs(), 'agent-image': image },
      { timeoutMs: 180_000 },
    );
  const onHost = async (): Promise<string> => (await stage.vpsShell('cat /opt/edge/agent')).trim();

  it('goes forward to a signed one only, and never back', async () => {
    const first = await onHost();
    const older = await agent('0.0.9');
    const backwards = await provision(older);
    expectCode(backwards, 1);
    expect(backwards.log).toMatch(/is 0\.0\.9, this host has .* and goes forward only/);
    const unsigned = await provision(await agent('8.0.0', null));
    expectCode(unsigned, 1);
    expect(unsigned.log).toContain('is not signed, and this host takes only what is signed');
    const foreign = await provision(await agent('8.0.1', makeSigningKey()));
    expectCode(foreign, 1);
    expect(foreign.log).toContain('is signed with the key');
    expect(await onHost()).toBe(first);

    const newer = await agent('9.0.0');
    expectCode(await provision(newer), 0);
    expect(await onHost()).toBe(newer);
    expectCode(await stage.rollback(), 0);
    const running = (await stage.status()).running?.release;
    // Somebody puts the older one back by hand: it does not touch what the newer one has written.
    await stage.vpsShell('printf "%s\\n" "$1" >/opt/edge/agent', first);
    const ledger = await stage.vpsShell('cat /opt/fixture/ledger.jsonl');
    const refusedRun = await stage.rollback();
    expect(refusedRun.code).not.toBe(0);
    expect(refusedRun.log).toContain('9.0.0 has driven this app');
    expect(await stage.vpsShell('cat /opt/fixture/ledger.jsonl')).toBe(ledger);
    expect((await stage.status()).running?.release).toBe(running);
    // The other tests go on with the agent that they began with: its records must not name a newer one.
    await stage.vpsShell(`sed -i 's/"agent":"9.0.0",//' /opt/fixture/ledger.jsonl`);
  }, 600_000);
});
