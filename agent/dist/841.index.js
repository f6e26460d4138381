export const id = 841;
export const ids = [841];
export const modules = {

/***/ 5841:
/***/ ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {

// ESM COMPAT FLAG
__webpack_require__.r(__webpack_exports__);

// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  BUNDLE_FILE: () => (/* reexport */ tag/* BUNDLE_FILE */.Ij),
  CYCLONEDX_TYPE: () => (/* reexport */ CYCLONEDX_TYPE),
  KINDS: () => (/* reexport */ KINDS),
  PAYLOAD_TYPE: () => (/* reexport */ PAYLOAD_TYPE),
  PROVENANCE_TYPE: () => (/* reexport */ PROVENANCE_TYPE),
  ProvenanceSchema: () => (/* reexport */ ProvenanceSchema),
  SBOM_FILE: () => (/* reexport */ tag/* SBOM_FILE */.HO),
  SPDX_TYPE: () => (/* reexport */ SPDX_TYPE),
  STATEMENT_TYPE: () => (/* reexport */ STATEMENT_TYPE),
  StatementSchema: () => (/* reexport */ StatementSchema),
  checkSource: () => (/* reexport */ checkSource),
  fits: () => (/* reexport */ fits),
  materials: () => (/* reexport */ materials),
  parseWorkflowRef: () => (/* reexport */ parseWorkflowRef),
  provenance: () => (/* reexport */ provenance),
  readPrivateKey: () => (/* reexport */ readPrivateKey),
  readPublicKey: () => (/* reexport */ readPublicKey),
  signatureTag: () => (/* reexport */ tag/* signatureTag */.bG),
  verifyBundle: () => (/* reexport */ verifyBundle)
});

// EXTERNAL MODULE: external "node:crypto"
var external_node_crypto_ = __webpack_require__(7598);
// EXTERNAL MODULE: ./packages/release/src/index.ts + 22 modules
var src = __webpack_require__(5752);
;// CONCATENATED MODULE: ./packages/trust/src/keys.ts


/** What a bundle calls a key by: the SHA-256 of its public half (DER, SPKI), 64 hex digits. */
function keyId(key) {
    return (0,external_node_crypto_.createHash)('sha256')
        .update(key.export({ type: 'spki', format: 'der' }))
        .digest('hex');
}
function checkCurve(key, name) {
    const curve = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? 'unknown';
    if (curve !== 'prime256v1')
        throw new src/* ContractError */.Vl(name, `${name}: is a key of ${curve}; needed is ECDSA on the curve P-256`);
}
/** A public key, PEM. Throws ContractError of the code `name` for anything else than ECDSA P-256. */
function readPublicKey(name, pem) {
    let key;
    if (pem.includes('PRIVATE KEY'))
        throw new src/* ContractError */.Vl(name, `${name}: is a private key; needed is the public half`);
    try {
        key = (0,external_node_crypto_.createPublicKey)(pem);
    }
    catch {
        throw new src/* ContractError */.Vl(name, `${name}: is no public key, PEM`);
    }
    checkCurve(key, name);
    return key;
}
/** A private key, PEM (PKCS #8 or SEC1). Throws ContractError of the code `name`; the key itself is in no message. */
function readPrivateKey(name, pem, passphrase) {
    let key;
    try {
        // Node asks nobody for a passphrase that is missing: it throws.
        key = (0,external_node_crypto_.createPrivateKey)({ key: pem, ...(passphrase === null ? {} : { passphrase }) });
    }
    catch {
        const sealed = /ENCRYPTED/.test(pem);
        throw new src/* ContractError */.Vl(name, sealed && passphrase === null
            ? `${name}: is protected by a passphrase and none was given`
            : sealed
                ? `${name}: the passphrase does not open it`
                : `${name}: is no private key, PEM`);
    }
    checkCurve(key, name);
    return key;
}

;// CONCATENATED MODULE: ./packages/trust/src/source.ts

/**
 * Throws ContractError unless one of `sources` fits: `signature_repository` where none has the repository, else `signature_workflow`.
 * An empty list fits everything.
 * @param what names the signed thing in the message
 */
function checkSource(sources, found, what) {
    if (sources.length === 0)
        return;
    // GitHub does not tell upper from lower case in the names of owners and repositories.
    const same = sources.filter(({ repository }) => repository.toLowerCase() === found.repository.toLowerCase());
    if (same.length === 0)
        throw new src/* ContractError */.Vl('signature_repository', `${what}: was built in the repository ${shown(found.repository)}, this host trusts ${list(sources.map(({ repository }) => repository))}`);
    if (same.some(({ workflow, ref }) => fits(workflow, found.workflow) && fits(ref, found.ref)))
        return;
    throw new src/* ContractError */.Vl('signature_workflow', `${what}: was built by ${shown(found.workflow)} at ${shown(found.ref)}, this host trusts ${list(same.map(({ workflow, ref }) => `${workflow} at ${ref}`))}`);
}
/** Whether `text` is what the pattern says; `*` stands for any characters. */
function fits(pattern, text) {
    const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`, 's').test(text);
}
/** `<repository>/<workflow>@<ref>`, as GitHub writes it in GITHUB_WORKFLOW_REF, without the server; null where it is not that. */
function parseWorkflowRef(text) {
    const [, repository, workflow, ref] = /^([\w.-]+\/[\w.-]+)\/([^@]+)@(.+)$/.exec(text) ?? [];
    return repository === undefined || workflow === undefined || ref === undefined ? null : { repository, workflow, ref };
}
function shown(text) {
    return text === '' ? 'nothing that is named' : JSON.stringify(text.slice(0, 200));
}
function list(items) {
    return [...new Set(items)].join(' or ');
}

// EXTERNAL MODULE: ./node_modules/zod/v4/classic/schemas.js + 11 modules
var schemas = __webpack_require__(2857);
;// CONCATENATED MODULE: ./packages/trust/src/statement.ts


const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1';
const SPDX_TYPE = 'https://spdx.dev/Document';
const CYCLONEDX_TYPE = 'https://cyclonedx.org/bom';
/** GitHub's own build type for "a workflow made this": repository, path and ref of the workflow are its external parameters. */
const BUILD_TYPE = 'https://actions.github.io/buildtypes/workflow/v1';
/** What a signature is about; a release's must not be taken for an agent's. */
const KINDS = ['release', 'image', 'agent'];
const sha256 = schemas/* string */.YjP().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits');
const subject = schemas/* object */.Ikc({ name: schemas/* string */.YjP().max(512), digest: schemas/* object */.Ikc({ sha256 }) });
/** An in-toto statement, as far as every predicate has it. */
const StatementSchema = schemas/* object */.Ikc({
    _type: schemas/* literal */.euz(STATEMENT_TYPE),
    subject: schemas/* array */.YOg(subject).min(1).max(256),
    predicateType: schemas/* string */.YjP(),
    predicate: schemas/* record */.g1P(schemas/* string */.YjP(), schemas/* unknown */.L5J()),
});
/** The parts of a SLSA provenance that a host decides by. */
const ProvenanceSchema = schemas/* object */.Ikc({
    buildDefinition: schemas/* object */.Ikc({
        externalParameters: schemas/* object */.Ikc({
            workflow: schemas/* object */.Ikc({ repository: schemas/* string */.YjP(), path: schemas/* string */.YjP(), ref: schemas/* string */.YjP() }),
        }),
        internalParameters: schemas/* object */.Ikc({
            delivery: schemas/* object */.Ikc({ format: schemas/* literal */.euz(1), kind: schemas/* enum */.k5n(KINDS), app: schemas/* string */.YjP(), release: schemas/* string */.YjP() }),
        }),
        resolvedDependencies: schemas/* array */.YOg(schemas/* object */.Ikc({ digest: schemas/* object */.Ikc({ gitCommit: schemas/* string */.YjP().regex(src/* COMMIT */.cJ) }) })).min(1),
    }),
});
function subjects(list) {
    return list.map(({ name, digest }) => {
        if (!src/* DIGEST */.Dh.test(digest))
            throw new Error(`subject ${name}: ${digest} is no digest`);
        return { name, digest: { sha256: digest.slice('sha256:'.length) } };
    });
}
/** The provenance of what a build made. `app` and `release` are '' where there is none. */
function provenance(what, made, build) {
    const { repository, workflow, ref, commit, run, event } = build;
    return {
        _type: STATEMENT_TYPE,
        subject: subjects(made),
        predicateType: PROVENANCE_TYPE,
        predicate: {
            buildDefinition: {
                buildType: BUILD_TYPE,
                externalParameters: { workflow: { repository, path: workflow, ref } },
                internalParameters: { github: { event_name: event }, delivery: { format: 1, ...what } },
                resolvedDependencies: [{ uri: `git+${repository}@${ref}`, digest: { gitCommit: commit } }],
            },
            runDetails: {
                builder: { id: `${repository}/${workflow}@${ref}` },
                metadata: { invocationId: run },
            },
        },
    };
}
/** The bill of materials of one image; `type` is the predicate's, of the tool's format. */
function materials(image, type, document) {
    return { _type: STATEMENT_TYPE, subject: subjects([image]), predicateType: type, predicate: document };
}

// EXTERNAL MODULE: ./packages/trust/src/tag.ts
var tag = __webpack_require__(2542);
// EXTERNAL MODULE: ./node_modules/@sigstore/bundle/dist/index.js
var dist = __webpack_require__(1040);
// EXTERNAL MODULE: ./node_modules/@sigstore/protobuf-specs/dist/index.js
var protobuf_specs_dist = __webpack_require__(9654);
// EXTERNAL MODULE: ./node_modules/@sigstore/verify/dist/index.js
var verify_dist = __webpack_require__(4187);
;// CONCATENATED MODULE: ./packages/trust/src/verify.ts








/** A bundle may hold a bill of materials. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Fulcio's names for what it certifies: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md */
const SOURCE_REPOSITORY = '1.3.6.1.4.1.57264.1.12';
const BUILD_CONFIG = '1.3.6.1.4.1.57264.1.18';
/**
 * Verifies, without any network, that somebody whom the policy trusts signed exactly what is expected. Throws ContractError:
 * `unsigned`, `signature_malformed`, `signature_key` (another key), `signature_tampered`, `signature_identity` (a certificate that the
 * trusted root does not vouch for), `signature_repository`, `signature_workflow`, `signature_subject` (a signature of something else).
 * @param text the bundle, or null where none was found
 */
function verifyBundle(text, policy, expected) {
    const { what } = expected;
    if (text === null)
        throw new src/* ContractError */.Vl('unsigned', `${what}: is not signed, and this host takes only what is signed`);
    const bundle = readBundle(text, what);
    const { signer, certified } = verifySigner(bundle, policy, what);
    const statement = readStatement(bundle.content.dsseEnvelope.payload, what);
    for (const [name, digest] of Object.entries(expected.digests)) {
        if (!statement.subject.some(({ digest: { sha256 } }) => `sha256:${sha256}` === digest))
            throw new src/* ContractError */.Vl('signature_subject', `${what}: its signature is for something else: ${name} (${digest}) is not among what was signed (${statement.subject
                .map(({ name: signed, digest: { sha256 } }) => `${signed.slice(0, 120)} sha256:${sha256.slice(0, 12)}`)
                .join(', ')
                .slice(0, 600)})`);
    }
    const { source, commit, kind, app } = readProvenance(statement, what);
    if (kind !== expected.kind || app !== expected.app)
        throw new src/* ContractError */.Vl('signature_subject', `${what}: its signature is for ${kind} ${app}, expected is ${expected.kind} ${expected.app}`.trimEnd());
    checkSource(policy.sources, certified ?? source, what);
    return { signer, source: certified ?? source, commit };
}
function readBundle(text, what) {
    try {
        if (text.length > MAX_BYTES)
            throw new Error(`has ${String(text.length)} bytes`);
        const bundle = (0,dist/* bundleFromJSON */.vw)(JSON.parse(text));
        if (!(0,dist/* isBundleWithDsseEnvelope */.Km)(bundle))
            throw new Error('holds no statement');
        const { payloadType, signatures } = bundle.content.dsseEnvelope;
        if (payloadType !== PAYLOAD_TYPE)
            throw new Error(`holds ${payloadType}, not ${PAYLOAD_TYPE}`);
        if (signatures.length !== 1)
            throw new Error(`holds ${String(signatures.length)} signatures, not one`);
        return bundle;
    }
    catch (error) {
        throw new src/* ContractError */.Vl('signature_malformed', `${what}: its signature is no sigstore bundle: ${error.message}`);
    }
}
function verifySigner(bundle, policy, what) {
    const { content } = bundle.verificationMaterial;
    return content.$case === 'publicKey'
        ? { signer: verifyKey(bundle, content.publicKey.hint, policy, what), certified: null }
        : verifyCertificate(bundle, policy, what);
}
function verifyKey(bundle, hint, policy, what) {
    const keys = new Map(policy.keys.map((pem) => {
        const key = readPublicKey('policy', pem);
        return [keyId(key), key];
    }));
    const key = keys.get(hint);
    if (key === undefined)
        throw new src/* ContractError */.Vl('signature_key', `${what}: is signed with the key ${JSON.stringify(hint.slice(0, 12))}, this host trusts ${keys.size === 0 ? 'no key' : [...keys.keys()].map((id) => id.slice(0, 12)).join(', ')}`);
    const nothing = { mediaType: '', tlogs: [], certificateAuthorities: [], ctlogs: [], timestampAuthorities: [] };
    const material = (0,verify_dist/* toTrustMaterial */.jO)(nothing, () => ({ publicKey: key, validFor: () => true }));
    const verifier = new verify_dist/* Verifier */.BL(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
    check(verifier, bundle, what);
    return `key ${hint.slice(0, 12)}`;
}
function verifyCertificate(bundle, policy, what) {
    const { keyless } = policy;
    if (keyless === null)
        throw new src/* ContractError */.Vl('signature_key', `${what}: is signed by a certificate, this host trusts keys only`);
    let verifier;
    try {
        verifier = new verify_dist/* Verifier */.BL((0,verify_dist/* toTrustMaterial */.jO)(protobuf_specs_dist.TrustedRoot.fromJSON(keyless.trustedRoot)));
    }
    catch (error) {
        throw new src/* ContractError */.Vl('policy', `policy: signatures.keyless.trustedRoot: ${error.message}`);
    }
    const { identity } = check(verifier, bundle, what);
    const issuer = identity?.extensions?.issuer ?? '';
    if (issuer !== keyless.issuer)
        throw new src/* ContractError */.Vl('signature_identity', `${what}: its signer is vouched for by ${JSON.stringify(issuer.slice(0, 120))}, this host trusts ${keyless.issuer}`);
    const extension = (name) => derText(identity?.oids?.find(({ oid }) => oid?.id.join('.') === name)?.value);
    const repository = extension(SOURCE_REPOSITORY);
    // <server>/<owner>/<name>/<path>@<ref>; the server ends before the third slash.
    const config = extension(BUILD_CONFIG);
    const named = parseWorkflowRef(config.split('/').slice(3).join('/'));
    if (named === null || !config.startsWith(`${repository}/`))
        throw new src/* ContractError */.Vl('signature_identity', `${what}: its signer is no workflow of a repository`);
    return { signer: config, certified: { repository, workflow: named.workflow, ref: named.ref } };
}
function check(verifier, bundle, what) {
    try {
        return verifier.verify((0,verify_dist/* toSignedEntity */.DC)(bundle));
    }
    catch (error) {
        const { code, message } = error;
        const untrusted = code === 'CERTIFICATE_ERROR' || code === 'PUBLIC_KEY_ERROR';
        throw new src/* ContractError */.Vl(untrusted ? 'signature_identity' : 'signature_tampered', untrusted
            ? `${what}: its signer is not vouched for by this host's trusted root: ${message}`
            : `${what}: its signature does not hold: ${message}; it was changed after it was signed`);
    }
}
function readStatement(payload, what) {
    let value;
    try {
        value = JSON.parse(payload.toString('utf8'));
    }
    catch {
        throw new src/* ContractError */.Vl('signature_malformed', `${what}: what was signed is not valid JSON`);
    }
    return (0,src/* checkDocument */.sw)('signature_malformed', StatementSchema, value, `${what}: statement`);
}
function readProvenance({ predicateType, predicate }, what) {
    if (predicateType !== PROVENANCE_TYPE)
        throw new src/* ContractError */.Vl('signature_malformed', `${what}: what was signed is ${predicateType.slice(0, 120)}, not a provenance`);
    const { buildDefinition } = (0,src/* checkDocument */.sw)('signature_malformed', ProvenanceSchema, predicate, `${what}: provenance`);
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
function derText(value) {
    if (value === undefined || value[0] !== 0x0c)
        return '';
    const length = value[1] ?? 0;
    return value.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f)).toString('utf8');
}

;// CONCATENATED MODULE: ./packages/trust/src/index.ts







/***/ })

};
