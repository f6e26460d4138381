import { describe, expect, it } from '@jest/globals';
import { declaredMemory, hostMemory, parseBytes, refuseMemory } from '../src/memory.ts';

const MIB = 1024 ** 2;

describe('memory for two colours', () => {
  it('is what the services may take by their limits, variables filled in', () => {
    const text = `services:
  a: {mem_limit: 256m}
  b: {deploy: {resources: {limits: {memory: "\${B:-64M}"}}}}
  c: {image: x}
  d: {mem_limit: "\${D:?}"}`;
    expect(declaredMemory([{ text }, { text }], { B: '1g' })).toEqual({
      bytes: 2 * (256 + 1024) * MIB,
      unlimited: ['c', 'd', 'c', 'd'],
    });
    expect(['1.5gb', '10', 'x', '2k', '3MiB'].map(parseBytes)).toEqual([1.5 * 1024 * MIB, 10, null, 2048, 3 * MIB]);
  });

  it('is taken from the machine or from the control group, whichever is smaller', () => {
    const files: Record<string, string> = {
      '/proc/meminfo': 'MemTotal:  2048 kB\nMemAvailable:  1024 kB\n',
      '/sys/fs/cgroup/memory/memory.stat': 'cache 1\nhierarchical_memory_limit 1000000\n',
    };
    expect(hostMemory((path) => files[path] ?? '')).toEqual({ limitBytes: 1_000_000, availableBytes: MIB });
    files['/sys/fs/cgroup/memory/memory.stat'] = 'hierarchical_memory_limit 9223372036854771712\n';
    expect(hostMemory((path) => files[path] ?? '').limitBytes).toBe(2 * MIB);
    files['/sys/fs/cgroup/memory.max'] = '500000\n';
    expect(hostMemory((path) => files[path] ?? '').limitBytes).toBe(500_000);
  });

  it('is refused with figures where it is too much, and only then', () => {
    const host = { limitBytes: 1024 * MIB, availableBytes: 0 };
    expect(() => refuseMemory({ bytes: 1024 * MIB, unlimited: [] }, host)).not.toThrow();
    expect(() => refuseMemory({ bytes: 1500 * MIB, unlimited: [] }, host)).toThrow(
      'may take 1500 MiB by their limits, this host has 1024 MiB',
    );
    expect(() => refuseMemory({ bytes: 1500 * MIB, unlimited: [] }, { ...host, limitBytes: 0 })).not.toThrow();
  });
});
