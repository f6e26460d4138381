import { describe, expect, it, jest } from '@jest/globals';
import { parseEnvelope, parsePlan, type Plan } from '@delivery/release';
import { planSummary, showPlan } from '@delivery/runner/host';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const plan: Plan = parsePlan(
  JSON.stringify({
    v: 1,
    app: 'shop',
    digest: DIGEST,
    release: 'r2',
    running: 'r1',
    colour: 'green',
    unchanged: false,
    rotated: false,
    images: { pull: ['registry.test/x'], present: 2 },
    services: { added: [], changed: [{ service: 'web', role: 'web', what: ['image'] }], removed: [], same: 1 },
    secrets: { missing: [], added: ['NEW'], changed: [] },
    migrations: { jobs: [], from: null, to: null },
    disk: { freeBytes: 2 ** 31, neededBytes: 2 ** 30 },
    memory: { neededBytes: 2 ** 28, limitBytes: 2 ** 30, availableBytes: 2 ** 29, unlimited: [] },
    backing: [{ service: 'db', action: 'recreate', what: ['image: a → b'] }],
    refusals: [],
    notes: ['<b>note</b>'],
  }),
);
const connection = { host: 'vps.test', port: 22, user: 'deploy', knownHosts: '' } as never;
const envelope = parseEnvelope('{"format":1,"operation":"op"}');

function session(said: string, code = 0) {
  const exec = jest.fn((_: string, options: { onStdoutLine: (line: string) => void }) => {
    if (said !== '') options.onStdoutLine(said);
    return Promise.resolve({ code, signal: null, stderrTail: 'release: refused: no' });
  });
  return { exec, open: () => Promise.resolve({ exec, close: jest.fn() } as never) };
}
const ask = (open: () => Promise<never>) => showPlan(connection, DIGEST, envelope, new AbortController().signal, open);

describe('a dry run', () => {
  it('asks the launcher for a plan, envelope on standard input, and gives it back', async () => {
    const { exec, open } = session(JSON.stringify(plan));
    expect(await ask(open)).toEqual(plan);
    expect(exec.mock.calls[0]?.[0]).toBe(`plan ${DIGEST}`);
    expect(exec.mock.calls[0]?.[1]).toMatchObject({ stdin: `${JSON.stringify(envelope)}\n` });
  });

  it('fails with every reason where a deploy would be refused, and with the reason where there is no plan', async () => {
    const refusals = [
      { code: 'memory', message: 'too little' },
      { code: 'secrets_missing', message: 'KEY' },
    ];
    await expect(ask(session(JSON.stringify({ ...plan, refusals }), 1).open)).rejects.toThrow(
      'A deploy would be refused: too little [memory]; KEY [secrets_missing]. Nothing was changed; the host runs release r1',
    );
    await expect(ask(session('', 64).open)).rejects.toThrow('refused the call "plan"');
  });

  it('is a table in the summary, with nothing in it that Markdown would follow', () => {
    const text = planSummary({ ...plan, refusals: [{ code: 'memory', message: 'a|b' }] }, 'vps.test:22').join('\n');
    expect(text).toContain('A deploy would be refused');
    expect(text).toMatch(/\| Services \| web changed&#58; image \|/);
    expect(text).toContain('Backing services');
    expect(text).not.toContain('<b>');
    expect(text).toContain('a&#124;b');
  });
});
