import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { HashAlgorithm, PublicKeyDetails, TrustedRoot } from '@sigstore/protobuf-specs';
import { fulcioHandler, initializeCA, initializeCTLog, initializeTLog, rekorHandler } from '@sigstore/mock';

/** A certificate authority and a log of a test, with the trusted root that vouches for them. */
export interface Authority {
  url: string;
  trustedRoot: Record<string, unknown>;
  close(): Promise<void>;
}

/** Starts both on a port of this machine. */
export async function startAuthority(): Promise<Authority> {
  const server: Server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ctLog = await initializeCTLog(pair);
  const ca = await initializeCA(pair, ctLog);
  const log = await initializeTLog(url, pair);
  const handlers = [fulcioHandler(ca, { strict: true }), rekorHandler(log, { strict: true })];
  server.on('request', (request, response) => {
    const handler = handlers.find(({ path }) => path === request.url);
    void readText(request).then(async (body) => {
      const answer = handler === undefined ? { statusCode: 404, response: '' } : await handler.fn(asLogged(body));
      response.writeHead(answer.statusCode, { 'content-type': 'application/json' });
      response.end(String(answer.response));
    });
  });
  const bytes = (view: ArrayBufferView): Buffer => Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const start = new Date(Date.now() - 3_600_000);
  const logOf = (keyId: Buffer, rawBytes: Buffer) => ({
    baseUrl: url,
    hashAlgorithm: HashAlgorithm.SHA2_256,
    publicKey: { rawBytes, keyDetails: PublicKeyDetails.PKIX_ECDSA_P256_SHA_256, validFor: { start } },
    logId: { keyId },
    checkpointKeyId: undefined,
    operator: 'test',
  });
  const root: TrustedRoot = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    certificateAuthorities: [
      {
        subject: { commonName: 'test', organization: 'test' },
        uri: url,
        certChain: { certificates: [{ rawBytes: bytes(ca.rootCertificate) }] },
        validFor: { start },
        operator: 'test',
      },
    ],
    ctlogs: [logOf(bytes(ctLog.logID), ctLog.publicKey)],
    tlogs: [logOf(createHash('sha256').update(log.publicKey).digest(), log.publicKey)],
    timestampAuthorities: [],
  };
  return {
    url,
    trustedRoot: TrustedRoot.toJSON(root) as Record<string, unknown>,
    close: () => new Promise((done) => server.close(() => done())),
  };
}

/** What a log keeps of a proposed statement: hashes and the signature, not the text. The test's log keeps what it is given. */
function asLogged(body: string): string {
  const entry = JSON.parse(body) as {
    kind?: string;
    spec: { proposedContent: { envelope: string; verifiers: string[] } };
  };
  if (entry.kind !== 'dsse') return body;
  const { envelope, verifiers } = entry.spec.proposedContent;
  const { payload, signatures } = JSON.parse(envelope) as { payload: string; signatures: { sig: string }[] };
  const hash = (data: Buffer | string): object => ({
    algorithm: 'sha256',
    value: createHash('sha256').update(data).digest('hex'),
  });
  return JSON.stringify({
    ...entry,
    spec: {
      envelopeHash: hash(envelope),
      payloadHash: hash(Buffer.from(payload, 'base64')),
      signatures: signatures.map(({ sig }) => ({ signature: sig, verifier: verifiers[0] })),
    },
  });
}

/** A token as GitHub gives it to a job that has `id-token: write`; the test's authority does not check its signature. */
export function jobToken(claims: Record<string, string>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return [part({ alg: 'none', typ: 'JWT' }), part({ aud: 'sigstore', ...claims }), 'c2ln'].join('.');
}
