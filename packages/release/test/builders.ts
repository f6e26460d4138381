import type { Ledger, LedgerEntry, Manifest, NewLedgerEntry } from '@delivery/release';
import fc from 'fast-check';

export const digestOf = (letter: string): string => `sha256:${letter.repeat(64)}`;

export function manifest(overrides: Partial<Manifest> = {}): Manifest {
  return {
    format: 1,
    app: 'shop',
    release: 'r1',
    commit: 'abcdef0',
    created: '2026-01-01T00:00:00Z',
    version: '1.0.0',
    services: {
      web: { role: 'web', image: `registry.test:5000/shop/web@${digestOf('a')}`, platforms: ['linux/amd64'] },
    },
    routes: [{ service: 'web', host: 'shop.example', path: '/', port: 3000 }],
    health: {
      web: {
        path: '/health',
        status: 200,
        json: {},
        consecutive: 3,
        intervalMs: 100,
        timeoutMs: 2000,
        deadlineSeconds: 30,
      },
    },
    schema: { before: 0, after: 0, oldestCompatible: null },
    secrets: ['APP_KEY'],
    agent: { minimum: '0.1.0' },
    files: { 'compose.yaml': digestOf('b') },
    ...overrides,
  };
}

export function newEntry(overrides: Partial<NewLedgerEntry> = {}): NewLedgerEntry {
  return {
    t: '2026-01-01T00:00:00Z',
    verb: 'deploy',
    outcome: 'deployed',
    release: 'r1',
    digest: digestOf('a'),
    colour: 'blue',
    previous: null,
    generation: 1,
    actor: 'someone',
    run: '',
    operation: 'op-1',
    secrets: {},
    durationMs: 1,
    ...overrides,
  };
}

export function ledgerOf(...entries: Partial<NewLedgerEntry>[]): LedgerEntry[] {
  return entries.map((entry, index) => ({ v: 1, seq: index + 1, ...newEntry({ generation: index + 1, ...entry }) }));
}

/** What a host may live through: deploys and rollbacks, some of which fail or are refused. `live` is what a model of it says. */
export interface History {
  ledger: Ledger;
  /** Releases in the order in which they went live. */
  live: string[];
  tried: string[];
}

type Action = {
  kind: 'deploy' | 'failedDeploy' | 'refusedDeploy' | 'redeploy' | 'rollback' | 'failedRollback';
  pick: number;
};

export const histories: fc.Arbitrary<History> = fc
  .array(
    fc.record({
      kind: fc.constantFrom<Action['kind']>(
        'deploy',
        'deploy',
        'deploy',
        'failedDeploy',
        'refusedDeploy',
        'redeploy',
        'rollback',
        'failedRollback',
      ),
      pick: fc.nat(50),
    }),
    { maxLength: 25 },
  )
  .map((actions) => {
    const entries: Partial<NewLedgerEntry>[] = [];
    const live: string[] = [];
    const tried: string[] = [];
    for (const { kind, pick } of actions) {
      const current = live.at(-1) ?? null;
      const others = [...new Set(live)].filter((release) => release !== current);
      const fresh = `r${tried.length + 1}`;
      const t = new Date(Date.UTC(2026, 0, 1, 0, entries.length)).toISOString();
      const colour = entries.length % 2 === 0 ? 'blue' : 'green';
      const common = { t, colour, previous: current, digest: digestOf('a') } as const;
      if (kind === 'rollback' || kind === 'failedRollback') {
        const release = others[pick % Math.max(others.length, 1)];
        if (release === undefined) continue;
        entries.push({ ...common, verb: 'rollback', outcome: kind === 'rollback' ? 'rolled_back' : 'failed', release });
        if (kind === 'rollback') live.push(release);
      } else if (kind === 'redeploy') {
        if (current === null) continue;
        entries.push({ ...common, release: current });
        live.push(current);
      } else {
        tried.push(fresh);
        const outcome = kind === 'deploy' ? 'deployed' : kind === 'failedDeploy' ? 'failed' : 'refused';
        entries.push({ ...common, outcome, release: fresh });
        if (kind === 'deploy') live.push(fresh);
      }
    }
    return { ledger: ledgerOf(...entries), live, tried };
  });
