import { describe, expect, it } from '@jest/globals';
import { formatEvent, type EnvelopeInput, type ResultEvent } from '@delivery/release';
import { SshError, type ExecOptions, type ExecResult, type Session, type SessionOptions } from '@delivery/ssh';
import { createEventLog } from '../src/index.ts';
import {
  failureLine,
  Host,
  identity,
  isGood,
  runningRelease,
  summaryParts,
  type OperationRequest,
  type Report,
} from '../src/host/index.ts';
import { printed } from './stdout.ts';

const DIGEST = `sha256:${'0a'.repeat(32)}`;
const OTHER = `sha256:${'0b'.repeat(32)}`;
const T = '2026-01-01T00:00:00.000Z';
const connection: SessionOptions = {
  host: 'web.example',
  port: 22,
  user: 'deploy',
  knownHosts: '',
  connectTimeoutMs: 1,
};
const envelope: EnvelopeInput = {
  format: 1,
  operation: '77-1-abc',
  repository: 'r.example/app',
  registry: null,
  secrets: {},
  options: { lockWaitSeconds: 0, bakeSeconds: 0 },
  actor: 'someone',
  run: '',
};
const request: OperationRequest = { verb: 'deploy', argument: DIGEST, envelope, runId: '77' };

const running = (digest = DIGEST) => ({ release: 'r2', digest, colour: 'green' as const });
const result = (op: string, changes: Partial<ResultEvent> = {}): ResultEvent => ({
  v: 1,
  t: T,
  op,
  event: 'result',
  outcome: 'deployed',
  running: running(),
  previous: null,
  timings: { switchedMs: 1200, totalMs: 2000 },
  receipt: null,
  error: null,
  ...changes,
});
const busy = (op: string): ResultEvent =>
  result(op, { outcome: 'busy', running: null, error: { step: 'lock', code: 'busy', message: 'held' } });
const status = (id: string, verb = 'deploy'): string =>
  JSON.stringify({
    v: 1,
    app: 'app',
    running: null,
    previous: null,
    operation: { id, verb, actor: 'a', startedAt: T },
    ledger: [],
    receipt: null,
  });

type Reply = { lines?: string[]; stderr?: string; code?: number; lost?: boolean; endless?: boolean; refuse?: SshError };

/** A host that answers each exec from a script and keeps what it was asked. */
function scripted(replies: Reply[]): {
  host: Host;
  asked: { command: string; stdin: unknown }[];
  logins: () => number;
} {
  const asked: { command: string; stdin: unknown }[] = [];
  let logins = 0;
  const exec = (command: string, options: ExecOptions = {}): Promise<ExecResult> => {
    asked.push({ command, stdin: options.stdin });
    const reply = replies.shift() ?? {};
    for (const line of reply.lines ?? []) options.onStdoutLine?.(line);
    if (reply.stderr) options.onStderrLine?.(reply.stderr);
    if (reply.endless) {
      const { signal } = options;
      const aborted = new SshError('aborted', 'stopped');
      if (signal?.aborted) return Promise.reject(aborted);
      return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(aborted)));
    }
    if (reply.lost) return Promise.reject(new SshError('connection-lost', 'lost'));
    return Promise.resolve({ code: reply.code ?? 0, signal: null, stderrTail: reply.stderr ?? '' });
  };
  const open = (): Promise<Session> => {
    logins += 1;
    const refuse = replies[0]?.refuse;
    if (refuse) {
      replies.shift();
      return Promise.reject(refuse);
    }
    return Promise.resolve({ hostKey: { type: '', fingerprint: '' }, address: '', exec, close: () => undefined });
  };
  const host = new Host(connection, {
    log: createEventLog(),
    say: () => undefined,
    signal: new AbortController().signal,
    open,
    pauseMs: () => 1,
    reattachMs: 5000,
  });
  return { host, asked, logins: () => logins };
}

const line = (event: ResultEvent): string => formatEvent(event).trim();
const start = formatEvent({ v: 1, t: T, op: '77-1-abc', event: 'step', step: 'pull', status: 'start' }).trim();

async function perform(host: Host): Promise<{ operation: string; outcome: string } | { error: string }> {
  let answer: { operation: string; outcome: string } | { error: string } = { error: 'nothing' };
  await printed(async () => {
    answer = await host.perform(request).then(
      (end) => ({ operation: end.operation, outcome: end.result.outcome }),
      (error: unknown) => ({ error: (error as Error).message }),
    );
  });
  return answer;
}

describe('an operation', () => {
  it('is one exec with the envelope on standard input', async () => {
    const { host, asked, logins } = scripted([{ lines: [start, line(result('77-1-abc'))] }]);
    expect(await perform(host)).toEqual({ operation: '77-1-abc', outcome: 'deployed' });
    expect(asked).toEqual([{ command: `deploy ${DIGEST}`, stdin: `${JSON.stringify(envelope)}\n` }]);
    expect(logins()).toBe(1);
  });

  it('takes the result for the truth whatever the exit code or the connection say afterwards', async () => {
    expect(
      await perform(scripted([{ lines: [line(result('77-1-abc', { outcome: 'refused' }))], code: 1 }]).host),
    ).toMatchObject({ outcome: 'refused' });
    expect(await perform(scripted([{ lines: [line(result('77-1-abc'))], lost: true }]).host)).toMatchObject({
      outcome: 'deployed',
    });
  });

  it('does not wait for what the agent does after the result', async () => {
    const { host } = scripted([{ lines: [line(result('77-1-abc'))], endless: true }]);
    expect(await perform(host)).toEqual({ operation: '77-1-abc', outcome: 'deployed' });
  });

  it('is found again after lost connections, over an unreachable host too', async () => {
    const { host, asked, logins } = scripted([
      { lines: [start], lost: true },
      { refuse: new SshError('unreachable', 'down') },
      { lines: [start], lost: true },
      { lines: [start, line(result('77-1-abc'))] },
    ]);
    expect(await perform(host)).toEqual({ operation: '77-1-abc', outcome: 'deployed' });
    expect(asked.map(({ command }) => command)).toEqual([`deploy ${DIGEST}`, 'attach 77-1-abc', 'attach 77-1-abc']);
    expect(asked.filter(({ stdin }) => stdin !== undefined)).toHaveLength(1);
    expect(logins()).toBe(4);
  });

  it('whose end stays unknown is called so', async () => {
    const unknown: Reply = { code: 1, stderr: 'release: no such operation' };
    expect(await perform(scripted([{ lost: true }, unknown, unknown, unknown]).host)).toEqual({
      error: expect.stringMatching(/77-1-abc ended is not known .*no such operation/),
    });
  });

  it('does not go on seeking a host that refuses the login or shows another key', async () => {
    expect(await perform(scripted([{ lost: true }, { refuse: new SshError('host-key', 'another key') }]).host)).toEqual(
      { error: 'another key' },
    );
  });

  it('follows an operation of the same run instead of failing busy', async () => {
    const { host, asked } = scripted([
      { lines: [line(busy('77-1-abc'))], code: 75 },
      { lines: [status('77-0-old')] },
      { lines: [line(result('77-0-old'))] },
    ]);
    expect(await perform(host)).toEqual({ operation: '77-0-old', outcome: 'deployed' });
    expect(asked.map(({ command }) => command)).toEqual([`deploy ${DIGEST}`, 'status', 'attach 77-0-old']);
  });

  it('takes its turn after an operation of the same run that deployed something else', async () => {
    const { host, asked } = scripted([
      { lines: [line(busy('77-1-abc'))], code: 75 },
      { lines: [status('77-0-old')] },
      { lines: [line(result('77-0-old', { running: running(OTHER) }))] },
      { lines: [line(result('77-1-abc-2'))] },
    ]);
    expect(await perform(host)).toEqual({ operation: '77-1-abc-2', outcome: 'deployed' });
    expect(asked.at(-1)).toEqual({
      command: `deploy ${DIGEST}`,
      stdin: expect.stringContaining('"operation":"77-1-abc-2"'),
    });
  });

  it.each([
    ['another run', '78-1-x', 'deploy'],
    ['a run whose id only begins alike', '771-1-x', 'deploy'],
    ['another verb of the same run', '77-1-x', 'rollback'],
  ])('stays busy for %s', async (_name, id, verb) => {
    expect(
      await perform(scripted([{ lines: [line(busy('77-1-abc'))], code: 75 }, { lines: [status(id, verb)] }]).host),
    ).toEqual({ operation: '77-1-abc', outcome: 'busy' });
  });

  it.each([
    [{ code: 127, stderr: 'sh: 1: /opt/edge/bin/release: not found' }, /not prepared.*provision-vps/],
    [{ code: 125, stderr: 'No such image' }, /could not start its agent.*No such image.*provision-vps/i],
    [
      { code: 64, stderr: 'release: refused: envelope' },
      /refused the call "deploy" \(it said: release: refused: envelope\)/,
    ],
    [{ code: 3, stderr: 'a\nlast' }, /exit code 3 without a result \(it said: last\)/],
    [{ lines: [line(result('someone-else'))] }, /exit code 0 without a result/],
  ] as [Reply, RegExp][])('says what a missing result means: %j', async (reply, message) => {
    expect(await perform(scripted([reply]).host)).toEqual({ error: expect.stringMatching(message) });
  });
});

describe('status', () => {
  it('is null where it cannot be had', async () => {
    expect(await scripted([{ lines: ['no JSON'] }]).host.status()).toBeNull();
    expect(await scripted([{ code: 64 }]).host.status()).toBeNull();
    expect(await scripted([{ refuse: new SshError('auth', 'no') }]).host.status()).toBeNull();
    expect((await scripted([{ lines: [status('1-1-x')] }]).host.status())?.operation?.id).toBe('1-1-x');
  });
});

describe('questions for a summary', () => {
  it('are asked over the session of the operation, and read by their formats', async () => {
    const said = JSON.stringify({ v: 1, t: T, service: 'web', container: 'web', text: 'hello', later: true });
    const { host, asked, logins } = scripted([
      { lines: [line(result('77-1-abc'))] },
      { lines: ['[{"v":2,"of a newer agent":true}]'] },
      { lines: [said, 'noise', '{"v":2}'] },
    ]);
    await perform(host);
    expect(await host.history()).toEqual([]);
    expect(await host.logs()).toEqual([{ v: 1, t: T, service: 'web', container: 'web', text: 'hello' }]);
    expect(asked.slice(1)).toEqual([{ command: 'history' }, { command: 'logs' }]);
    expect(logins()).toBe(1);
  });

  it('that the host does not answer, or not in JSON, are refused with what it said', async () => {
    const refused = { code: 64, stderr: 'release: refused: verb: must be one of deploy' };
    await expect(scripted([refused]).host.history()).rejects.toThrow(/refused the call "history".*must be one of/);
    await expect(scripted([refused]).host.logs()).rejects.toThrow('refused the call "logs"');
    await expect(scripted([{ lines: ['[{'] }]).host.history()).rejects.toThrow('history: not valid JSON');
  });
});

describe('the report', () => {
  const report = (changes: Partial<ResultEvent>): Report => ({
    host: 'web.example:22',
    operation: 'op',
    result: result('op', changes),
    state: null,
    steps: [],
  });

  it('says where it stopped and what runs', () => {
    const refused = report({
      outcome: 'refused',
      error: { step: 'gate', code: 'crashed', message: 'web exits with 1', logs: ['boom <b>'] },
    });
    expect(isGood(refused.result)).toBe(false);
    expect(failureLine(refused)).toBe('Refused at step "gate": web exits with 1 [crashed]. The host runs release r2');
    expect(summaryParts(refused).join('\n')).toContain('boom &lt;b&gt;');
  });

  it('takes what runs from the host’s records where the result does not say', () => {
    const base = report({ running: null });
    expect(runningRelease(base)).toBeNull();
    const live = { release: 'r1', digest: DIGEST, colour: 'blue' as const, since: T };
    expect(
      runningRelease({
        ...base,
        state: { running: live, previous: null, operation: null, ledger: [] },
      }),
    ).toBe('r1');
  });
});

describe('identity', () => {
  it('makes ids that belong to the run and are unique', () => {
    const env = {
      GITHUB_RUN_ID: '123',
      GITHUB_RUN_ATTEMPT: '2',
      GITHUB_ACTOR: 'some\none',
      GITHUB_SERVER_URL: 'https://github.example',
      GITHUB_REPOSITORY: 'o/r',
    };
    const first = identity(env);
    expect(first).toMatchObject({
      runId: '123',
      actor: 'someone',
      run: 'https://github.example/o/r/actions/runs/123',
      operation: expect.stringMatching(/^123-2-[0-9a-f]{8}$/),
    });
    expect(identity(env).operation).not.toBe(first.operation);
    expect(identity({})).toMatchObject({ runId: '', run: '', operation: expect.stringMatching(/^local-1-/) });
  });
});
