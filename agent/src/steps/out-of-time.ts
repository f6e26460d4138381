import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, connect, rootCertificates } from 'node:tls';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';

/** What TLS says of a certificate, or of one above it, whose time is over or has not come yet. */
const OUT_OF_TIME: ReadonlySet<unknown> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);
/** No chain is this long: one that is goes round in circles. */
const LONGEST_CHAIN = 10;

/** Whether a connection failed by the time of a certificate. It may have had more against it, which TLS does not tell then. */
export function isOutOfTime(error: unknown): boolean {
  return OUT_OF_TIME.has((error as NodeJS.ErrnoException).code);
}

/**
 * A connector for undici that verifies the certificate as TLS does, but for its time: it must be for `host` and lead to what is trusted.
 * @param say gets the certificate whose time is over or has not come yet, at each connection that has one
 */
export function connectOutOfTime(
  host: string,
  trusted: SecureContextOptions,
  timeoutMs: number,
  say: (certificate: X509Certificate) => void,
): buildConnector.connector {
  return ({ hostname, port }, callback) => {
    const socket = connect({
      ...trusted,
      host: hostname,
      // The default port comes as none.
      port: port === '' ? 443 : Number(port),
      servername: host,
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: false,
    });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.off('error', fail);
      socket.on('error', () => undefined).destroy();
      callback(error, null);
    };
    const timer = setTimeout(() => fail(new Error(`no TLS connection within ${String(timeoutMs)} ms`)), timeoutMs);
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      try {
        const late = lateOne(socket, host, trusted);
        if (late !== null) say(late);
      } catch (error) {
        return fail(error as Error);
      }
      clearTimeout(timer);
      socket.off('error', fail);
      callback(null, socket);
    });
  };
}

/** The certificate of the connection whose time is wrong; null where nothing is. Throws where anything else is wrong with it. */
function lateOne(socket: TLSSocket, host: string, trusted: SecureContextOptions): X509Certificate | null {
  if (socket.authorized) return null;
  const code = String(socket.authorizationError);
  const chain = presented(socket);
  const [own] = chain;
  if (own === undefined || !OUT_OF_TIME.has(code)) throw refused(code, 'the certificate is refused');
  const otherName = checkServerIdentity(host, own.toLegacyObject());
  if (otherName !== undefined) throw otherName;
  const anchors = certificatesOf(trusted);
  if (!leadsTo(own, chain, anchors))
    throw refused('UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'the certificate comes from an unknown authority');
  const now = Date.now();
  const late = [...chain, ...anchors].find(
    ({ validFrom, validTo }) => Date.parse(validFrom) > now || Date.parse(validTo) < now,
  );
  return late ?? own;
}

function refused(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** The server's certificate and those that it sent along. */
function presented(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

function certificatesOf({ ca }: SecureContextOptions): X509Certificate[] {
  const text = ca === undefined ? [...rootCertificates] : [ca].flat();
  const pem = text.join('\n').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  return (pem ?? []).map((one) => new X509Certificate(one));
}

/** Whether a certificate is one of the anchors, or signed by one, be it over some of those between. */
function leadsTo(
  own: X509Certificate,
  between: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
): boolean {
  let at = own;
  for (let length = 0; length < LONGEST_CHAIN; length += 1) {
    const signed = (by: X509Certificate): boolean => by.ca && at.checkIssued(by) && at.verify(by.publicKey);
    if (anchors.some((anchor) => anchor.fingerprint256 === at.fingerprint256 || signed(anchor))) return true;
    const issuer = between.find(signed);
    if (issuer === undefined) return false;
    at = issuer;
  }
  return false;
}
