import type { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';
import type { Manifest, Route } from '@delivery/release';
import { readIfThere } from '../files.ts';
import { StepError } from '../failure.ts';
import type { Paths } from '../paths.ts';
import type { Run, Target } from '../run.ts';
import { ownCertificate, tlsMode } from '../truth.ts';
import { connectOutOfTime, isOutOfTime } from './out-of-time.ts';

const CONSECUTIVE = 3;
const INTERVAL_MS = 10;
/** For one answer. */
export const ANSWER_MS = 5_000;
const CONNECT_MS = 2_000;
const ASKED = {
  /** Where the edge listens. */
  edge: 'https://127.0.0.1:443',
  /** From the rename to the last confirmation, milliseconds. */
  limitMs: 10_000,
  /** The same for a host name that this edge serves for the first time: its certificate may have to be issued first. */
  firstLimitMs: 90_000,
};
const SYSTEM_CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/**
 * Whom the edge's certificate is verified against: for one that provisioning gave the edge, that very certificate (whatever signed it,
 * it must be the one that is served) and the authority that was put beside the edge, where there is one; for one by ACME that authority,
 * else the host's store. Never all of them: parsing a whole root store takes as long as the switch.
 */
export function trust(paths: Paths): SecureContextOptions {
  const authority = readIfThere(join(paths.certificates, 'ca.pem'));
  const own = ownCertificate(paths);
  if (own !== null) return { ca: authority === null ? [own] : [own, authority], allowPartialTrustChain: true };
  const ca = authority ?? readIfThere(SYSTEM_CERTIFICATES);
  return ca === null ? {} : { ca };
}

/** One connection to the edge as a visitor of the route has it: loopback HTTPS, the route's host name, its certificate verified. */
export function publicClient({ host }: Route, trusted: SecureContextOptions): Client {
  return clientOf(ASKED.edge, { servername: host, timeout: CONNECT_MS, ...trusted });
}

function clientOf(edge: string, connect: Client.Options['connect']): Client {
  return new Client(edge, {
    ...(connect === undefined ? {} : { connect }),
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  });
}

/** What to ask on a route: the health path where the route leads to it (then its status is known), else the route's own path. */
export function questionFor(route: Route, manifest: Manifest): { path: string; status: number | null } {
  const health = manifest.health[route.service];
  const prefix = route.path.endsWith('/') ? route.path : `${route.path}/`;
  const reached = health !== undefined && (health.path === route.path || health.path.startsWith(prefix));
  return reached ? { path: health.path, status: health.status } : { path: route.path, status: null };
}

/** One route per service and host is asked: the rest of them are in the same file and live by the same reload. */
export function routesToConfirm(manifest: Manifest): Route[] {
  const seen = new Set<string>();
  return manifest.routes.filter((route) => {
    const key = `${route.service} ${route.host}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/**
 * Asks on the public path (loopback HTTPS of the edge, the route's host name, its certificate verified) until three answers in a row
 * carry this generation and release. Throws StepError `unconfirmed` with the last thing seen otherwise.
 *
 * On a host name that this edge serves already, the time of the certificate is told and stops nothing: a switch does not make a
 * certificate old, and with an old one the way back from a sick release is needed as much.
 */
export async function confirm(
  { paths, events }: Pick<Run, 'paths' | 'events'>,
  target: Pick<Target, 'manifest' | 'generation'>,
  knownHosts: ReadonlySet<string>,
  asked: Partial<typeof ASKED> = {},
): Promise<void> {
  const { edge, limitMs, firstLimitMs } = { ...ASKED, ...asked };
  const trusted = trust(paths);
  const told = new Set<string>();
  await Promise.all(
    routesToConfirm(target.manifest).map(async (route) => {
      const { host } = route;
      const known = knownHosts.has(host);
      const say = (certificate: X509Certificate): void => {
        if (!told.has(host)) events.log('warning', outOfTime(host, certificate, tlsMode(paths)));
        told.add(host);
      };
      let connect: Client.Options['connect'] = { servername: host, timeout: CONNECT_MS, ...trusted };
      let client = clientOf(edge, connect);
      try {
        await confirmRoute(route, target, known ? limitMs : firstLimitMs, async (path) => {
          try {
            return await client.request({ method: 'GET', path, headers: { host, 'user-agent': 'delivery-agent' } });
          } catch (error) {
            if (known && isOutOfTime(error)) connect = connectOutOfTime(host, trusted, CONNECT_MS, say);
            // undici never answers again on a client that was once refused for the name in the certificate.
            await client.destroy();
            client = clientOf(edge, connect);
            throw error;
          }
        });
      } finally {
        await client.destroy();
      }
    }),
  );
}

function outOfTime(host: string, { validFrom, validTo }: X509Certificate, tls: 'files' | 'acme'): string {
  const day = (time: string): string => new Date(time).toISOString().slice(0, 10);
  const early = Date.parse(validFrom) > Date.now();
  const wrong = early ? `begins on ${day(validFrom)}` : `ended on ${day(validTo)}`;
  const repair = early
    ? "look at the server's clock"
    : tls === 'files'
      ? 'run provision-vps with a new tls-certificate and tls-key'
      : 'the edge renews it where the certificate authority reaches this server; `docker logs edge` says why it did not';
  return `the certificate of ${host} ${wrong} and browsers turn visitors away: ${repair}. The switch goes by what the edge answers`;
}

async function confirmRoute(
  route: Route,
  target: Pick<Target, 'manifest' | 'generation'>,
  limitMs: number,
  ask: (path: string) => ReturnType<Client['request']>,
): Promise<void> {
  const { path, status } = questionFor(route, target.manifest);
  const began = performance.now();
  let passes = 0;
  let seen = 'no answer';
  while (performance.now() - began < limitMs) {
    try {
      const answer = await ask(path);
      await answer.body.dump();
      const generation = String(answer.headers['x-edge-generation'] ?? 'none');
      const release = String(answer.headers['x-release'] ?? 'none');
      seen = `status ${String(answer.statusCode)}, generation ${generation}, release ${release}`;
      const sound = status === null ? ![502, 503, 504].includes(answer.statusCode) : answer.statusCode === status;
      passes =
        sound && generation === String(target.generation) && release === target.manifest.release ? passes + 1 : 0;
      if (passes >= CONSECUTIVE) return;
    } catch (error) {
      passes = 0;
      const cause = error as NodeJS.ErrnoException;
      seen = cause.code === undefined ? cause.message : `${cause.code}: ${cause.message}`;
    }
    await sleep(INTERVAL_MS);
  }
  throw new StepError(
    'unconfirmed',
    `https://${route.host}${path} did not answer ${String(CONSECUTIVE)} times in a row as generation ${String(target.generation)} of ${target.manifest.release} within ${String(limitMs / 1000)} s; last: ${seen}`,
  );
}
