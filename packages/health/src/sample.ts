import type { HealthContract, Literal } from './contract.ts';

/** One try. `ms` is its duration, `atMs` its start in milliseconds since the first try. */
export type Sample = { atMs: number; ms: number } & Outcome;

export type Outcome =
  | { answered: false; reason: string }
  | { answered: true; status: number; contentType: string; release: string | null; body: string; truncated: boolean };

export type Check =
  | { ok: true }
  | {
      ok: false;
      /** One line for people. */
      reason: string;
      /** False when there was no answer at all (refused, timed out, TLS). */
      answered: boolean;
      /** Services that the answer itself names as not working. */
      dependencies: string[];
    };

/** Compares one sample with the contract. */
export function checkSample(contract: HealthContract, sample: Outcome): Check {
  if (!sample.answered) return { ok: false, reason: `no answer: ${sample.reason}`, answered: false, dependencies: [] };
  const dependencies = brokenServices(sample);
  const fail = (reason: string): Check => ({
    ok: false,
    reason: dependencies.length > 0 ? `${reason}; it reports as not working: ${dependencies.join(', ')}` : reason,
    answered: true,
    dependencies,
  });
  if (sample.status !== contract.status) {
    const redirect = sample.status >= 300 && sample.status < 400 ? ' (redirects are not followed)' : '';
    return fail(`status ${sample.status} instead of ${contract.status}${redirect}`);
  }
  if (contract.release !== null && sample.release !== contract.release) {
    return fail(
      `X-Release is ${sample.release === null ? 'absent' : quote(sample.release)} instead of ${quote(contract.release)}`,
    );
  }
  const expected = Object.entries(contract.json);
  if (expected.length === 0) return { ok: true };
  if (!isJson(sample.contentType)) return fail(`content type ${quote(sample.contentType)} instead of JSON`);
  if (sample.truncated) return fail('the answer is longer than a health document may be');
  const document = parse(sample.body);
  if (document === undefined) return fail('the body is not valid JSON');
  for (const [path, literal] of expected) {
    const found = at(document, path);
    if (found !== literal)
      return fail(`${path} is ${found === undefined ? 'absent' : quote(found)} instead of ${quote(literal)}`);
  }
  return { ok: true };
}

/** The value at a dotted path (`services.database`, `items.0.name`); undefined where there is none. Inherited properties do not count. */
export function at(document: unknown, path: string): unknown {
  let value = document;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

const WORKING: ReadonlySet<unknown> = new Set<Literal>([
  true,
  'ok',
  'up',
  'healthy',
  'connected',
  'available',
  'operational',
  'configured',
  'ready',
  'active',
  'pass',
]);

/** Names in the document's `services` object whose value does not say that they work. Only looked at in answers that are no success. */
function brokenServices(sample: Extract<Outcome, { answered: true }>): string[] {
  if (sample.status < 400 || !isJson(sample.contentType) || sample.truncated) return [];
  const services = at(parse(sample.body), 'services');
  if (typeof services !== 'object' || services === null || Array.isArray(services)) return [];
  return Object.entries(services)
    .filter(
      ([, state]) =>
        !WORKING.has(typeof state === 'string' ? state.toLowerCase() : ((at(state, 'status') ?? state) as Literal)),
    )
    .map(([name]) => name.replace(/[^\w.-]/g, '_').slice(0, 60))
    .slice(0, 10);
}

function isJson(contentType: string): boolean {
  return /^application\/([a-z0-9.+-]+\+)?json\s*(;|$)/i.test(contentType.trim());
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
