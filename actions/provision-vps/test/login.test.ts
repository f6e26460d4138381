import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SshError, type ExecOptions, type ExecResult, type Session } from '@delivery/ssh';
import type { HostPlan } from '../../../host/provision/tasks.ts';
import { PLAN as SHOP } from '../../../host/provision/test/plan.ts';
import type { Inputs } from '../src/inputs.ts';
import { candidates, loginAsAdmin, type Candidate, type Login } from '../src/login.ts';
import { secureSsh } from '../src/prove-login.ts';

const INPUTS = {
  profile: 'hardened',
  connection: { host: 'host.example', port: 22, user: 'root', key: 'KEY', knownHosts: '', connectTimeoutMs: 10_000 },
  admin: { user: 'ops', key: 'ssh-ed25519 AAAA' },
  newSshPort: null,
} as Inputs;
const PLAN: HostPlan = { ...SHOP, container: true, ssh: { ...SHOP.ssh, admin: INPUTS.admin } };
const MOVING: HostPlan = { ...PLAN, sshPorts: [22, 2222], ssh: { ...PLAN.ssh, port: 2222 } };

/** What happened, in order: `open ops:22`, `ops:22 sshd+`; a task that is only looked at has no plus. */
let events: string[];
/** Who is let in; an answer of a task other than ok or changed. */
let refused: (at: string) => boolean;
let answers: Record<string, string>;

class FakeSession implements Session {
  readonly hostKey = { type: 'ssh-ed25519', fingerprint: 'SHA256:x' };
  readonly address = '192.0.2.1';
  readonly #at: string;
  constructor(at: string) {
    this.#at = at;
  }
  exec(command: string, { stdin = '', onStdoutLine }: ExecOptions = {}): Promise<ExecResult> {
    const done = { code: 0, signal: null, stderrTail: '' };
    if (stdin === '') {
      events.push(`${this.#at} ${command}`);
      return Promise.resolve(done);
    }
    const lines = String(stdin).split('\n');
    const main = lines.slice(lines.indexOf('main() {', lines.indexOf('proofs() {')));
    const tasks = main.flatMap((line) => {
      const [, only = '', id] = /^(mode=inspect; )?task (\w+)/.exec(line) ?? [];
      return id === undefined ? [] : [{ id, changes: only === '' }];
    });
    events.push(`${this.#at} ${tasks.map(({ id, changes }) => `${id}${changes ? '+' : ''}`).join(' ')}`);
    for (const { id, changes } of tasks) {
      const status = answers[id] ?? (changes ? 'changed' : 'ok');
      onStdoutLine?.(JSON.stringify({ task: id, status, ms: 1, message: `said by ${id}` }));
      if (status === 'failed') return Promise.resolve({ ...done, code: 1 });
    }
    onStdoutLine?.('{"proof":"end","value":"done"}');
    return Promise.resolve(done);
  }
  close(): void {
    events.push(`close ${this.#at}`);
  }
}

const open = ({ user, port }: Candidate): Promise<Session> => {
  const at = `${user}:${port}`;
  events.push(`open ${at}`);
  return refused(at)
    ? Promise.reject(new SshError(port === 22 ? 'auth' : 'unreachable', `${at} was refused.`))
    : Promise.resolve(new FakeSession(at));
};
const login = (user: string, port = 22): Login => ({ session: new FakeSession(`${user}:${port}`), user, port });
const secure = (plan: HostPlan, from = login('root')) =>
  secureSsh({ plan, login: from, open, signal: new AbortController().signal });

beforeEach(() => {
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  events = [];
  answers = {};
  refused = (at) => at.startsWith('root');
});

describe('closing root and passwords', () => {
  it('happens over a login of the admin user, and stays only where that login comes through once more', async () => {
    const { failure, tasks } = await secure(PLAN);
    expect(failure).toBeNull();
    expect(events).toEqual([
      'open ops:22',
      'ops:22 sudo -n true',
      'ops:22 sshd+',
      'open ops:22',
      'ops:22 ssh_confirmed+ sshd',
      'open root:22',
      'close ops:22',
      'close ops:22',
    ]);
    expect(tasks.map(({ id, status }) => `${id} ${status}`)).toEqual(['sshd changed', 'ssh_confirmed changed']);
  });

  it('does not happen before a login of the admin user was proven', async () => {
    refused = () => true;
    const { failure } = await secure(PLAN);
    expect(events.filter((event) => event.includes('sshd+'))).toEqual([]);
    expect(failure).toMatch(/^Nothing of sshd was changed.*ops:22 was refused/);
  });

  it('is undone at once, over the first connection, where the login does not come through again', async () => {
    let opened = 0;
    refused = (at) => at === 'ops:22' && (opened += 1) === 2;
    const { failure } = await secure(PLAN);
    expect(events).toContain('ops:22 ssh_unconfirmed+');
    expect(events.some((event) => event.includes('ssh_confirmed'))).toBe(false);
    expect(failure).toMatch(/ops was not let in on port 22.*has been undone/);
  });

  it('needs no other connection before it where the run began with such a login', async () => {
    await secure(PLAN, login('ops'));
    expect(events.slice(0, 2)).toEqual(['ops:22 sshd+', 'open ops:22']);
  });

  it('fails where root still gets in afterwards, and where sshd is not as it was set', async () => {
    refused = () => false;
    expect((await secure(PLAN)).failure).toMatch(/root is still let in/);
    let looked = 0;
    answers = Object.defineProperty({}, 'sshd', { get: () => ((looked += 1) === 1 ? 'changed' : 'drift') });
    expect((await secure(PLAN)).failure).toMatch(/sshd is not as it was set/);
  });

  it('is undone where a task of it fails', async () => {
    answers = { sshd: 'failed' };
    expect((await secure(PLAN)).failure).toMatch(/said by sshd.*has been undone/);
    expect(events).toContain('ops:22 ssh_unconfirmed+');
  });
});

describe('another port', () => {
  it('is opened beside the old one, proven, and only then is the old one closed, in the firewall too', async () => {
    expect((await secure(MOVING)).failure).toBeNull();
    const steps = events.filter((event) => !event.startsWith('close'));
    expect(steps.slice(0, 5)).toEqual([
      'root:22 ssh_new_port+',
      'open ops:2222',
      'ops:2222 sudo -n true',
      'ops:2222 sshd+',
      'open ops:2222',
    ]);
    expect(steps[5]).toMatch(/^ops:2222 ssh_confirmed\+ fail2ban_jail\+ sshd .*firewall\+/);
  });

  it('is given up where nobody gets through to it', async () => {
    refused = (at) => at === 'ops:2222';
    const { failure } = await secure(MOVING);
    expect(failure).toMatch(/2222.*provider.*ops:2222 was refused.*has been undone/);
    expect(events).toContain('root:22 ssh_unconfirmed+');
    expect(events.some((event) => event.includes('sshd+'))).toBe(false);
  });
});

describe('the login', () => {
  const names = (inputs: Inputs): string[] => candidates(inputs).map(({ user, port }) => `${user}:${port}`);

  it('is tried as it is after earlier runs first', () => {
    expect(names(INPUTS)).toEqual(['ops:22', 'root:22']);
    expect(names({ ...INPUTS, newSshPort: 2222 })).toEqual(['ops:2222', 'root:2222', 'ops:22', 'root:22']);
    expect(names({ ...INPUTS, profile: 'minimal' })).toEqual(['root:22']);
    const ubuntu = {
      ...INPUTS,
      connection: { ...INPUTS.connection, user: 'ubuntu' },
      admin: { user: 'ubuntu', key: null },
    };
    expect(names(ubuntu)).toEqual(['ubuntu:22']);
  });

  it('costs one connection where the first is let in', async () => {
    const { user } = await loginAsAdmin(INPUTS, (_, candidate) => open(candidate));
    expect({ user, events }).toEqual({ user: 'ops', events: ['open ops:22'] });
  });

  it('falls back to what a bare server has, and asks a port that does not answer once', async () => {
    refused = (at) => at.endsWith('2222') || at.startsWith('ops');
    const { user, port } = await loginAsAdmin({ ...INPUTS, newSshPort: 2222 }, (_, candidate) => open(candidate));
    expect({ user, port }).toEqual({ user: 'root', port: 22 });
    expect(events).toEqual(['open ops:2222', 'open ops:22', 'open root:22']);
  });

  it('says who was tried where nobody is let in', async () => {
    refused = () => true;
    await expect(loginAsAdmin(INPUTS, (_, candidate) => open(candidate))).rejects.toThrow(
      'root:22 was refused. Tried before it: ops on port 22',
    );
  });
});
