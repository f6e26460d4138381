import { describe, expect, it } from '@jest/globals';
import { parseFacts } from '../../../host/provision/facts.ts';
import { refusal } from '../../../host/provision/preflight.ts';
import { hostReport, HostReportSchema, type HostReport } from '../src/document.ts';
import type { Inputs, Mode } from '../src/inputs.ts';
import { complaint, headline, summaryParts, whatNext } from '../src/summary.ts';
import type { Outcome, TaskResult } from '../src/tasks.ts';

const FACTS = parseFacts(
  Object.entries({
    os_name: 'Debian 13',
    machine: 'x86_64',
    cpus: '2',
    memory: '2000000',
    disk: '40000000 1',
    vendor: 'OVH',
  }).map(([name, value]) => `${name}=${Buffer.from(value).toString('base64')}`),
);
const task = (id: string, status: TaskResult['status'], message = ''): TaskResult => ({
  ...{ id, status, message, ms: 12, reason: `why ${id}`, source: 'sshd(8)' },
});
const FINDING = { what: 'files /opt/shop/.env', found: '644 root:root', allowed: '600 root:root' };

function made(mode: Mode, outcome: Partial<Outcome> = {}): HostReport {
  const inputs = { mode, profile: 'hardened', app: 'shop', connection: { host: 'shop.example' } } as Inputs;
  return hostReport(
    inputs,
    FACTS,
    { tasks: [task('launcher', 'ok')], readings: [], findings: [], failure: null, ...outcome },
    new Date('2026-01-02T03:04:05Z'),
  );
}
const text = (report: HostReport): string => summaryParts(report).join('\n\n');

describe('the report of a run', () => {
  it('has a version and everything that was found, and keeps to its schema', () => {
    const report = made('verify', {
      tasks: [task('launcher', 'ok'), task('sshd', 'drift', 'another file wins'), task('packages', 'changed')],
      findings: [FINDING],
      readings: [{ id: 'sshd', what: 'sshd -T', value: 'port 22\n\nx11forwarding no' }],
    });
    expect(report).toMatchObject({
      ...{ v: 1, at: '2026-01-02T03:04:05.000Z', mode: 'verify', sound: false, changed: 1, drift: 1 },
      host: { name: 'shop.example', app: 'shop', provider: 'ovhcloud', memoryMiB: 1953, diskGiB: 38 },
      readings: [{ id: 'sshd', what: 'sshd -T', value: ['port 22', 'x11forwarding no'] }],
    });
    expect(HostReportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
    expect(HostReportSchema.safeParse({ ...report, v: 2 }).success).toBe(false);
    expect(HostReportSchema.safeParse({ ...report, more: 1 }).success).toBe(false);
  });

  it.each([
    ['nothing', {}, true],
    ['a change', { tasks: [task('x', 'changed')] }, true],
    ['a drift', { tasks: [task('x', 'drift')] }, false],
    ['a finding', { findings: [FINDING] }, false],
    ['a failure', { failure: 'Task x failed' }, false],
  ] as const)('says whether the host is sound after %s', (_what, outcome, sound) => {
    expect(made('verify', outcome as Partial<Outcome>).sound).toBe(sound);
  });
});

describe('what makes a run fail', () => {
  it('is a finding or a drift, with the first of them and what to do now', () => {
    const both = { tasks: [task('app_secrets', 'drift')], findings: [FINDING] };
    expect(complaint(made('verify', both))).toBe(
      'shop.example is not as it should be: 1 drift (app_secrets) and 1 finding (files /opt/shop/.env: found 644 root:root; allowed: 600 root:root). ' +
        'Run this with mode: apply, which repairs the drift. Each finding says what is allowed: repair it on the server, then run mode: verify.',
    );
    expect(complaint(made('apply', { findings: [FINDING] }))).toContain('1 finding (files /opt/shop/.env');
  });

  it('is nothing on a sound host, and nothing that a plan finds', () => {
    expect(complaint(made('verify'))).toBeNull();
    expect(complaint(made('apply', { tasks: [task('x', 'changed')] }))).toBeNull();
    expect(complaint(made('plan', { tasks: [task('x', 'drift')] }))).toBeNull();
  });

  it('is one line, however much was found', () => {
    const many = Array.from({ length: 40 }, (_, index) => ({ ...FINDING, what: `file ${index}` }));
    const line = complaint(made('verify', { findings: many }));
    expect(line).toMatch(/^shop\.example is not as it should be: 40 findings \(file 0: .* \| 35 more\)\./);
    expect(line).not.toContain('\n');
  });
});

describe('the summary', () => {
  it('is short where nothing is wrong', () => {
    const report = made('verify', { readings: [{ id: 'agent', what: 'agent', value: 'x' }] });
    expect(headline(report)).toBe('✅ shop.example is as it should be');
    expect(whatNext(report)).toBe('');
    expect(text(report)).not.toMatch(/Findings|What has drifted/);
    expect(
      text(report)
        .replace(/<details>[^]*/, '')
        .split('\n').length,
    ).toBeLessThan(15);
  });

  it('of a plan lists what would change with its reason, and says how', () => {
    const report = made('plan', { tasks: [task('sshd', 'drift', 'not there'), task('launcher', 'ok')] });
    expect(headline(report)).toBe('📋 shop.example: 1 of 2 tasks would change something');
    expect(text(report)).toMatch(/What would change[^]*\| sshd \| drift \| why sshd \| not there \|/);
    expect(whatNext(report)).toBe('Run this with mode: apply to make these changes.');
    expect(headline(made('plan'))).toBe('✅ shop.example: nothing to change');
  });

  it('names findings, drift and failures before anything else', () => {
    const report = made('verify', { tasks: [task('sshd', 'drift')], findings: [FINDING] });
    expect(headline(report)).toBe('❌ shop.example: 1 drift, 1 finding');
    expect(text(report).indexOf('### Findings')).toBeLessThan(text(report).indexOf('### What has drifted'));
    const failed = made('apply', {
      tasks: [task('x', 'changed'), task('y', 'failed', 'no disk')],
      failure: 'Task y failed: no disk',
    });
    expect(headline(failed)).toBe('❌ shop.example: failed after 1 change');
    expect(text(failed)).toContain('**Task y failed&#58; no disk**');
    expect(whatNext(failed)).toMatch(/goes on from there/);
  });

  it('of a host that was refused has each finding with what is allowed, and what to do next', () => {
    const findings = [
      { what: 'CPUs', found: '1', allowed: '2 or more' },
      { what: 'ports of the edge', found: 'held by 80 (nginx)', allowed: '80 and 443 free' },
    ];
    for (const mode of ['plan', 'apply'] as const) {
      const report = made(mode, { tasks: [], findings, failure: refusal('shop.example', findings) });
      expect(headline(report)).toBe('❌ shop.example cannot be prepared, and nothing was changed: 2 findings');
      expect(text(report)).toMatch(
        /\| CPUs \| 1 \| 2 or more \|\n\| ports of the edge \| held by 80 .*80 and 443 free \|/,
      );
      expect(text(report)).toContain('repair it on the server');
      expect(text(report)).not.toMatch(/All 0 tasks|\*\*/);
    }
  });

  it('does not let the host write Markdown', () => {
    const evil = '<img src=x> [a](javascript:1) | `x`';
    const report = made('verify', {
      findings: [{ what: evil, found: evil, allowed: evil }],
      tasks: [task('x', 'drift', evil)],
      readings: [{ id: 'x', what: evil, value: `${evil}\n</code></pre><b>` }],
    });
    expect(text(report)).not.toMatch(/<img|<b>/);
  });
});
