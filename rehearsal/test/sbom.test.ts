import { beforeAll, describe, expect, it } from '@jest/globals';
import { SBOM_FILE, verifyBundle } from '@delivery/trust';
import { must as mustOn, testHost } from '../hosts/host.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();
const { registry, signingKey } = stage.facts;
const runner = testHost(stage.facts.runner.container);
const LOGIN = { DOCKER_CONFIG: '/tmp/sbom-tests' };

interface Materials {
  predicateType: string;
  subject: { digest: { sha256: string } }[];
  predicate: { bomFormat: string; components: { name: string; version?: string; purl?: string }[] };
}

describe('what is in an image', () => {
  let digest = '';
  let bundle = '';
  beforeAll(async () => {
    await mustOn(runner, ['docker', 'login', '-u', registry.username, '--password-stdin', registry.host], {
      env: LOGIN,
      input: registry.password,
    });
    const built = await stage.build('sbom', {}, { inputs: { sbom: 'true' } });
    const { web = '' } = JSON.parse(built.images) as { web?: string };
    const [repository = '', found = ''] = web.split('@');
    digest = found;
    const tag = `${repository}:${digest.replace(':', '-')}.sigstore.json`;
    const read = `set -e; docker pull -q "$1" >/dev/null; id=$(docker create "$1" x); docker cp "$id:/${SBOM_FILE}" /tmp/sbom; docker rm "$id" >/dev/null; cat /tmp/sbom; rm /tmp/sbom`;
    bundle = await mustOn(runner, ['sh', '-c', read, 'read', tag], { env: LOGIN });
  }, 300_000);

  it('is attested by a tool, and lies beside its signature', () => {
    const { dsseEnvelope } = JSON.parse(bundle) as { dsseEnvelope: { payload: string } };
    const statement = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString()) as Materials;
    expect(statement.predicateType).toBe('https://cyclonedx.org/bom');
    expect(statement.subject.map(({ digest: { sha256 } }) => `sha256:${sha256}`)).toEqual([digest]);
    expect(statement.predicate.bomFormat).toBe('CycloneDX');
    // Packages of the distribution that the image is built on.
    expect(statement.predicate.components.some(({ purl = '' }) => purl.startsWith('pkg:deb/debian/'))).toBe(true);
  });

  it('is signed with the key of the build: the signature holds, and it passes for no provenance', () => {
    const policy = { format: 1 as const, keys: [signingKey.public], sources: [], keyless: null };
    const expected = { what: 'image', kind: 'image' as const, app: 'fixture', digests: { 'the image': digest } };
    expect(() => verifyBundle(bundle, policy, expected)).toThrow('not a provenance');
    const other = JSON.parse(bundle) as { dsseEnvelope: { payload: string } };
    other.dsseEnvelope.payload = Buffer.from(
      Buffer.from(other.dsseEnvelope.payload, 'base64').toString().replace('CycloneDX', 'CycloneDY'),
    ).toString('base64');
    expect(() => verifyBundle(JSON.stringify(other), policy, expected)).toThrow('does not hold');
  });
});
