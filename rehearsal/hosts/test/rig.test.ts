import { describe, expect, it } from '@jest/globals';
import { containerName, systemFlags } from '../containers.ts';
import { reachOfNpm } from '../runner.ts';
import { checkInstance } from '../state.ts';

describe('an instance', () => {
  it.each(['Dev', '', 'a_b', '-a', 'a'.repeat(32)])('is not called %j', (name) => {
    expect(() => checkInstance(name)).toThrow(/allowed are/);
  });

  it('names its containers after itself and the host', () => {
    expect(containerName('dev', 'vps.test')).toBe('rehearsal-dev-vps');
  });
});

describe('flags of a test host', () => {
  it('are plain where the machine may raise limits', () => {
    const flags = systemFlags({ privileged: true, cgroup: 2 });
    expect(flags).toContain('--privileged');
    expect(flags.join(' ')).not.toMatch(/--cap-|SYSTEMD_/);
  });

  it('ask for no more than there is where it may not, and for the old control groups where there are no others', () => {
    const flags = systemFlags({ privileged: false, cgroup: 1 }).join(' ');
    expect(flags).not.toContain('--privileged');
    expect(flags).toContain('--cap-drop SYS_RESOURCE');
    expect(flags).toContain('systemd.unified_cgroup_hierarchy=0');
  });
});

describe('the npm configuration of the machine', () => {
  it('is passed on as far as it says how to reach a registry', () => {
    const all =
      'registry=https://npm.example/\nnodedir=/usr\n//npm.example/:_authToken=abc\n@x:registry = https://x.example\nfund=false\n';
    expect(reachOfNpm(all)).toBe(
      'registry=https://npm.example/\n//npm.example/:_authToken=abc\n@x:registry = https://x.example\n',
    );
  });
});
