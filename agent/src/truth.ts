import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseRoute } from '@delivery/stack';
import type { RouteState } from '@delivery/stack';
import { parseLedger, running } from '@delivery/release';
import type { Colour, Ledger, Running } from '@delivery/release';
import { readIfThere } from './files.ts';
import type { Paths } from './paths.ts';

/** What the host says about itself before an operation begins. */
export interface Truth {
  /** What the route file that the edge watches says; null where there is none. */
  route: RouteState | null;
  /** The route file's text, to be put back on any failure. */
  routeText: string | null;
  ledger: Ledger;
  /** The highest generation that an operation has tried here. */
  tried: number;
  running: Running | null;
}

export function readTruth(paths: Paths): Truth {
  const routeText = readIfThere(paths.route);
  const ledger = parseLedger(readIfThere(paths.ledger) ?? '');
  return {
    route: routeText === null ? null : parseRoute(routeText),
    routeText,
    ledger,
    tried: Number(/^\d+$/m.exec(readIfThere(paths.generation) ?? '')?.[0] ?? 0),
    running: running(ledger),
  };
}

/**
 * Where the app's certificate comes from: given as a file (provisioning wrote its dynamic file) or asked for by the edge itself. A host
 * that was prepared before there was one file an app has one for all of them.
 */
export function tlsMode(paths: Paths): 'files' | 'acme' {
  return existsSync(paths.tls) || sharedCertificate(paths) !== null ? 'files' : 'acme';
}

/** The certificate that the app's visitors get, as PEM; null where it comes by ACME. */
export function ownCertificate(paths: Paths): string | null {
  return existsSync(paths.tls) ? readIfThere(paths.certificate) : sharedCertificate(paths);
}

function sharedCertificate(paths: Paths): string | null {
  const certificate = join(paths.certificates, 'tls.crt');
  const named = readIfThere(join(paths.dynamic, 'tls.yaml'))?.includes(`certFile: ${certificate}`) ?? false;
  return named ? readIfThere(certificate) : null;
}

/** What visitors are on: what the edge routes to; without a route file, what is on record. */
export function liveNow(truth: Pick<Truth, 'route' | 'running'>): { release: string; colour: Colour | null } | null {
  return truth.route ?? truth.running;
}

/** Its colour: the one that must not be touched. */
export function liveColourOf(truth: Pick<Truth, 'route' | 'running'>): Colour | null {
  return liveNow(truth)?.colour ?? null;
}

export type Convergence =
  | { action: 'none' }
  /** The switch happened and was not recorded: what answers is the truth. */
  | { action: 'adopt'; route: RouteState }
  /** The switch was written and does not answer: back to the file before it. */
  | { action: 'restore' };

/**
 * What an operation that died left behind, from the two records that it writes in this order: the route file, then the ledger.
 * @param answers whether what the route file points at runs and answers on the public path
 */
export function converge(
  route: RouteState | null,
  running: Pick<Running, 'generation' | 'release'> | null,
  answers: boolean,
): Convergence {
  if (route === null) return { action: 'none' };
  if (running !== null && route.generation === running.generation && route.release === running.release)
    return { action: 'none' };
  // An older route file than the ledger's: somebody restored a backup. What is routed is what runs.
  if (running !== null && route.generation < running.generation) return { action: 'adopt', route };
  return answers ? { action: 'adopt', route } : { action: 'restore' };
}

/** The generation of the next route file: above everything ever used here, also in a switch that was taken back. */
export function nextGeneration(truth: Pick<Truth, 'route' | 'ledger' | 'tried'>): number {
  return Math.max(truth.tried, truth.route?.generation ?? 0, ...truth.ledger.map((entry) => entry.generation), 0) + 1;
}
