import { rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { masker } from '../src/mask.ts';
import { mergeLogs, pickReplicas, wantedLogs } from '../src/verbs/logs.ts';
import { checkRunAllowed, commandOf } from '../src/verbs/run.ts';
import { manifestOf, newHost } from './host.ts';

describe('logs', () => {
  it('take a service and a bounded number of lines', () => {
    expect(wantedLogs([])).toEqual({ service: null, lines: 100 });
    expect(wantedLogs(['web', '2000'])).toEqual({ service: 'web', lines: 2000 });
    for (const lines of ['0', '2001', '10k', '-1', '1e3'])
      expect(() => wantedLogs(['web', lines])).toThrow('logs: lines: must be a whole number from 1 to 2000');
    expect(() => wantedLogs(['web', '1', '2'])).toThrow('at most 2');
  });

  it('are those of the release, a backing service by name alone, an unknown one refused with those that there are', () => {
    const replica = (service: string, role: string): never => ({ spec: { service, role }, container: {} }) as never;
    const all = [replica('web', 'web'), replica('mail', 'worker'), replica('db', 'backing')];
    expect(pickReplicas(all, null).map(({ spec }) => spec.service)).toEqual(['web', 'mail']);
    expect(pickReplicas(all, 'db')).toHaveLength(1);
    expect(() => pickReplicas(all, 'wbe')).toThrow('service "wbe": has no container; there are web, mail, db');
  });

  it('are in order of time, the last ones, masked before they are cut', () => {
    const line = (t: string, text: string): never => ({ t, text, service: 'web', container: 'web' }) as never;
    const secret = 'hunter2hunter2';
    const lines = [line('2', `two ${secret}`), line('1', 'one'), line('3', `${'x'.repeat(3995)}${secret}`)];
    const merged = mergeLogs(lines, 2, masker([secret]));
    expect(merged.map(({ t }) => t)).toEqual(['2', '3']);
    expect(merged[0]?.text).toBe('two ***');
    expect(merged[1]?.text).not.toContain('hun');
    expect(merged[1]?.text.length).toBeLessThan(4010);
  });
});

describe('run', () => {
  it('is refused over the deploy key unless the owner of the host allows it', () => {
    const { root, paths } = newHost();
    try {
      expect(() => checkRunAllowed(paths)).toThrow('run: the deploy key may not run commands on this host');
      writeFileSync(paths.policy, '{"repository":"registry.test/team"}');
      expect(() => checkRunAllowed(paths)).toThrow('may not run commands');
      writeFileSync(paths.policy, '{"repository":"registry.test/team","run":true}');
      expect(() => checkRunAllowed(paths)).not.toThrow();
      writeFileSync(paths.policy, '{"repository":"registry.test/team","run":"yes"}');
      expect(() => checkRunAllowed(paths)).toThrow('policy: run');
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it('picks the web service of the first route or the one that is named', () => {
    const manifest = manifestOf('r1');
    expect(commandOf(['node', '-v'], manifest)).toEqual({ service: 'web', words: ['node', '-v'] });
    expect(commandOf(['@web', 'id'], manifest)).toEqual({ service: 'web', words: ['id'] });
    expect(() => commandOf(['@db', 'id'], manifest)).toThrow(
      'service "db": no web service of the live release; there are web',
    );
    expect(() => commandOf([], manifest)).toThrow('a command is needed');
    expect(() => commandOf(['@web'], manifest)).toThrow('a command is needed');
  });
});
