import { describe, expect, it } from '@jest/globals';
import { isGreen, judge, outageMs } from '../judge.ts';
import type { Evidence } from '../judge.ts';
import type { HostState } from '../observe.ts';
import type { Cell } from '../table.ts';

const CELL: Cell = { verb: 'deploy', step: 'gate', victim: 'agent', outageSeconds: 0, ends: 'any' };
const RELEASE = '20260101T000000Z-0000001';

function entry(seq: number): string {
  return `${JSON.stringify({
    v: 1,
    seq,
    t: '2026-01-01T00:00:00.000Z',
    verb: 'deploy',
    outcome: 'deployed',
    release: RELEASE,
    digest: `sha256:${'a'.repeat(64)}`,
    colour: 'blue',
    previous: null,
    generation: seq,
    actor: '',
    run: '',
    operation: `op-${String(seq)}`,
    secrets: {},
    durationMs: 1,
  })}\n`;
}

function host(more: Partial<HostState> = {}): HostState {
  return {
    ledger: entry(1),
    env: { text: 'APP_KEY=secret\n', mode: '600' },
    containers: [
      { name: 'edge', state: 'running', labels: {} },
      { name: 'web', state: 'running', labels: { 'com.docker.compose.project': 'fixture-blue' } },
      { name: 'pin', state: 'created', labels: { 'delivery.pin': 'fixture' } },
    ],
    volumes: ['fixture_rows'],
    traces: [],
    rows: ['a', 'b'],
    store: 'id',
    ...more,
  };
}

function evidence(more: Partial<Evidence> = {}): Evidence {
  return {
    struckAt: 1000,
    visits: { requests: 500, failures: 0, causes: {}, firstFailureAt: null, lastFailureAt: null },
    answering: RELEASE,
    outcome: null,
    wanted: RELEASE,
    next: { code: 0, outcome: 'deployed', running: RELEASE, log: '' },
    served: RELEASE,
    before: host(),
    after: host({ ledger: entry(1) + entry(2), rows: ['a', 'b', 'c'] }),
    secrets: { APP_KEY: 'secret' },
    ...more,
  };
}

const failing = (firstFailureAt: number, lastFailureAt: number): Evidence['visits'] => ({
  requests: 500,
  failures: 3,
  causes: { 'status-502': 3 },
  firstFailureAt,
  lastFailureAt,
});

describe('the judge of a cell', () => {
  it('finds nothing where all is well', () => {
    expect(isGreen(judge(CELL, evidence()))).toBe(true);
  });

  it('counts one failed request where visitors must not notice', () => {
    expect(judge(CELL, evidence({ visits: failing(1500, 1500) })).serving).toHaveLength(1);
  });

  it('allows an outage only as long as it is said to be, and only after the strike', () => {
    const cell = { ...CELL, outageSeconds: 5 };
    const at = (first: number, last: number): string[] =>
      judge(cell, evidence({ visits: failing(first, last) })).serving;
    expect(at(1500, 5900)).toEqual([]);
    expect(at(1500, 6100)).toHaveLength(1);
    expect(at(900, 2000)).toHaveLength(1);
    expect(outageMs({ struckAt: 1000, visits: failing(1500, 5900) })).toBe(4900);
  });

  it('does not take a load that sent next to nothing for a good one', () => {
    const visits = { ...evidence().visits, requests: 3 };
    expect(judge(CELL, evidence({ visits })).serving).toHaveLength(1);
  });

  it('wants the outage to be over before the next run', () => {
    expect(judge(CELL, evidence({ answering: null })).serving).toHaveLength(1);
  });

  it('wants the next run to end well, and status and visitors to agree', () => {
    const next = evidence().next;
    for (const wrong of [
      evidence({ next: { ...next, code: 1, outcome: 'failed' } }),
      evidence({ next: { ...next, outcome: 'refused' } }),
      evidence({ next: { ...next, running: 'another' } }),
      evidence({ served: 'another' }),
    ])
      expect(judge(CELL, wrong).converged).toHaveLength(1);
  });

  it('wants an operation that nobody stopped to reach its purpose itself', () => {
    const cell = { ...CELL, ends: 'done' } as const;
    expect(judge(cell, evidence({ outcome: null })).converged).toHaveLength(1);
    expect(judge(cell, evidence({ outcome: 'refused' })).converged).toHaveLength(1);
    expect(judge(cell, evidence({ outcome: 'deployed' })).converged).toEqual([]);
  });

  it.each([
    ['an entry of before that changed', { ledger: entry(1).replace('"durationMs":1', '"durationMs":2') + entry(2) }],
    ['a gap in the ledger', { ledger: entry(1) + entry(3) }],
    ['a torn last line', { ledger: `${entry(1)}{"v":1` }],
    ['an .env that is gone', { env: null }],
    ['an .env that others can read', { env: { text: 'APP_KEY=secret\n', mode: '644' } }],
    ['an .env with another value', { env: { text: 'APP_KEY=other\n', mode: '600' } }],
    [
      'an agent that stayed',
      { containers: [{ name: 'agent-fixture-1', state: 'running', labels: { 'delivery.agent': 'fixture' } }] },
    ],
    [
      'a job that stayed',
      {
        containers: [
          {
            name: 'run',
            state: 'exited',
            labels: { 'com.docker.compose.project': 'fixture-backing', 'com.docker.compose.oneoff': 'True' },
          },
        ],
      },
    ],
    ['a container that nobody knows', { containers: [{ name: 'odd_name', state: 'created', labels: {} }] }],
    ['a volume too many', { volumes: ['fixture_rows', 'a'.repeat(64)] }],
    ['a volume that is gone', { volumes: [] }],
    ['a staging file', { traces: ['/opt/edge/staging/fixture-before.yaml'] }],
    ['rows that are gone', { rows: ['b'] }],
    ['another backing container', { store: 'other' }],
    ['no backing container', { store: '' }],
  ] satisfies [string, Partial<HostState>][])('finds %s', (_, change) => {
    const after = host({ ledger: entry(1) + entry(2), ...change });
    expect(judge(CELL, evidence({ after })).kept).toHaveLength(1);
  });
});
