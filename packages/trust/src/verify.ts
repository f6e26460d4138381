import { bundleFromJSON, isBundleWithDsseEnvelope } from '@sigstore/bundle';
import type { Bundle, BundleWithDsseEnvelope } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import type { Signer } from '@sigstore/verify';
import { checkDocument, ContractError } from '@delivery/release';
import type { SignaturePolicy } from '@delivery/release';
import { keyId, readPublicKey } from './keys.ts';
import { checkSource } from './source.ts';
import type { BuildSource } from './source.ts';
import { PAYLOAD_TYPE, PROVENANCE_TYPE, ProvenanceSchema, StatementSchema } from './statement.ts';
import type { Kind, Statement } from './statement.ts';
import { parseWorkflowRef } from './source.ts';

/** A bundle may hold a bill of materials. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Fulcio's names for what it certifies: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md */
const SOURCE_REPOSITORY = '1.3.6.1.4.1.57264.1.12';
const BUILD_CONFIG = '1.3.6.1.4.1.57264.1.18';

/** What a bundle is expected to be about. */
export interface Expected {
  /** For messages, such as `release <digest>`. */
  what: string;
  kind: Kind;
  /** The app; '' for what belongs to none. */
  app: string;
  /** All of these must be among what was signed: digest by the name that messages give it. */
  digests: Readonly<Record<string, string>>;
}

/** Who signed, for the log. */
export interface Verified {
  /** `key <first 12 hex digits>` or the workflow's address. */
  signer: string;
  source: BuildSource;
  commit: string;
}

/**
 * Verifies, without any network, that somebody whom the policy trusts signed exactly what is expected. Throws ContractError:
 * `unsigned`, `signature_malformed`, `signature_key` (another key), `signature_tampered`, `signature_identity` (a certificate that the
 * trusted root does not vouch for), `signature_repository`, `signature_workflow`, `signature_subject` (a signature of something else).
 * @param text the bundle, or null where none was found
 */
export function verifyBundle(text: string | null, policy: SignaturePolicy, expected: Expected): Verified {
  const { what } = expected;
  if (text === null)
    throw new ContractError('unsigned', `${what}: is not signed, and this host takes only what is signed`);
  const bundle = readBundle(text, what);
  const { signer, certified } = verifySigner(bundle, policy, what);
  const statement = readStatement(bundle.content.dsseEnvelope.payload, what);
  for (const [name, digest] of Object.entries(expected.digests)) {
    if (!statement.subject.some(({ digest: { sha256 } }) => `sha256:${sha256}` === digest))
      throw new ContractError(
        'signature_subject',
        `${what}: its signature is for something else: ${name} (${digest}) is not among what was signed (${statement.subject
          .map(({ name: signed, digest: { sha256 } }) => `${signed.slice(0, 120)} sha256:${sha256.slice(0, 12)}`)
          .join(', ')
          .slice(0, 600)})`,
      );
  }
  const { source, commit, kind, app } = readProvenance(statement, what);
  if (kind !== expected.kind || app !== expected.app)
    throw new ContractError(
      'signature_subject',
      `${what}: its signature is for ${kind} ${app}, expected is ${expected.kind} ${expected.app}`.trimEnd(),
    );
  checkSource(policy.sources, certified ?? source, what);
  return { signer, source: certified ?? source, commit };
}

function readBundle(text: string, what: string): BundleWithDsseEnvelope {
  try {
    if (text.length > MAX_BYTES) throw new Error(`has ${String(text.length)} bytes`);
    const bundle: Bundle = bundleFromJSON(JSON.parse(text));
    if (!isBundleWithDsseEnvelope(bundle)) throw new Error('holds no statement');
    const { payloadType, signatures } = bundle.content.dsseEnvelope;
    if (payloadType !== PAYLOAD_TYPE) throw new Error(`holds ${payloadType}, not ${PAYLOAD_TYPE}`);
    if (signatures.length !== 1) throw new Error(`holds ${String(signatures.length)} signatures, not one`);
    return bundle;
  } catch (error) {
    throw new ContractError(
      'signature_malformed',
      `${what}: its signature is no sigstore bundle: ${(error as Error).message}`,
    );
  }
}

function verifySigner(
  bundle: BundleWithDsseEnvelope,
  policy: SignaturePolicy,
  what: string,
): { signer: string; certified: BuildSource | null } {
  const { content } = bundle.verificationMaterial;
  return content.$case === 'publicKey'
    ? { signer: verifyKey(bundle, content.publicKey.hint, policy, what), certified: null }
    : verifyCertificate(bundle, policy, what);
}

function verifyKey(bundle: Bundle, hint: string, policy: SignaturePolicy, what: string): string {
  const keys = new Map(
    policy.keys.map((pem) => {
      const key = readPublicKey('policy', pem);
      return [keyId(key), key];
    }),
  );
  const key = keys.get(hint);
  if (key === undefined)
    throw new ContractError(
      'signature_key',
      `${what}: is signed with the key ${JSON.stringify(hint.slice(0, 12))}, this host trusts ${keys.size === 0 ? 'no key' : [...keys.keys()].map((id) => id.slice(0, 12)).join(', ')}`,
    );
  const nothing = { mediaType: '', tlogs: [], certificateAuthorities: [], ctlogs: [], timestampAuthorities: [] };
  const material = toTrustMaterial(nothing, () => ({ publicKey: key, validFor: () => true }));
  const verifier = new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
  check(verifier, bundle, what);
  return `key ${hint.slice(0, 12)}`;
}

function verifyCertificate(
  bundle: Bundle,
  policy: SignaturePolicy,
  what: string,
): { signer: string; certified: BuildSource } {
  const { keyless } = policy;
  if (keyless === null)
    throw new ContractError('signature_key', `${what}: is signed by a certificate, this host trusts keys only`);
  let verifier: Verifier;
  try {
    verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(keyless.trustedRoot)));
  } catch (error) {
    throw new ContractError('policy', `policy: signatures.keyless.trustedRoot: ${(error as Error).message}`);
  }
  const { identity } = check(verifier, bundle, what);
  const issuer = identity?.extensions?.issuer ?? '';
  if (issuer !== keyless.issuer)
    throw new ContractError(
      'signature_identity',
      `${what}: its signer is vouched for by ${JSON.stringify(issuer.slice(0, 120))}, this host trusts ${keyless.issuer}`,
    );
  const extension = (name: string): string =>
    derText(identity?.oids?.find(({ oid }) => oid?.id.join('.') === name)?.value);
  const repository = extension(SOURCE_REPOSITORY);
  // <server>/<owner>/<name>/<path>@<ref>; the server ends before the third slash.
  const config = extension(BUILD_CONFIG);
  const named = parseWorkflowRef(config.split('/').slice(3).join('/'));
  if (named === null || !config.startsWith(`${repository}/`))
    throw new ContractError('signature_identity', `${what}: its signer is no workflow of a repository`);
  return { signer: config, certified: { repository, workflow: named.workflow, ref: named.ref } };
}

function check(verifier: Verifier, bundle: Bundle, what: string): Signer {
  try {
    return verifier.verify(toSignedEntity(bundle));
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const untrusted = code === 'CERTIFICATE_ERROR' || code === 'PUBLIC_KEY_ERROR';
    throw new ContractError(
      untrusted ? 'signature_identity' : 'signature_tampered',
      untrusted
        ? `${what}: its signer is not vouched for by this host's trusted root: ${message}`
        : `${what}: its signature does not hold: ${message}; it was changed after it was signed`,
    );
  }
}

function readStatement(payload: Buffer, what: string): Statement {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch {
    throw new ContractError('signature_malformed', `${what}: what was signed is not valid JSON`);
  }
  return checkDocument('signature_malformed', StatementSchema, value, `${what}: statement`);
}

function readProvenance(
  { predicateType, predicate }: Statement,
  what: string,
): { source: BuildSource; commit: string; kind: Kind; app: string } {
  if (predicateType !== PROVENANCE_TYPE)
    throw new ContractError(
      'signature_malformed',
      `${what}: what was signed is ${predicateType.slice(0, 120)}, not a provenance`,
    );
  const { buildDefinition } = checkDocument('signature_malformed', ProvenanceSchema, predicate, `${what}: provenance`);
  const { workflow } = buildDefinition.externalParameters;
  const { kind, app } = buildDefinition.internalParameters.delivery;
  return {
    source: { repository: workflow.repository, workflow: workflow.path, ref: workflow.ref },
    commit: buildDefinition.resolvedDependencies[0]?.digest.gitCommit ?? '',
    kind,
    app,
  };
}

/** The text of an extension: Fulcio wraps it as a DER UTF8String. Lengths above 127 take one or two bytes of their own. */
function derText(value: Buffer | undefined): string {
  if (value === undefined || value[0] !== 0x0c) return '';
  const length = value[1] ?? 0;
  return value.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f)).toString('utf8');
}
