import { describe, expect, it } from '@jest/globals';
import { mergeDaemonConfig } from '../daemon.ts';

const read = (text: string | null): unknown => JSON.parse(text ?? 'null');

describe("Docker's daemon.json", () => {
  it.each([null, '', '{}'])('is made where there is nothing: %j', (existing) => {
    expect(read(mergeDaemonConfig(existing))).toEqual({
      'live-restore': true,
      'log-driver': 'json-file',
      'log-opts': { 'max-size': '10m', 'max-file': '3' },
    });
  });

  it('keeps every key that is there', () => {
    const existing = {
      'registry-mirrors': ['http://mirror:5000'],
      features: { 'containerd-snapshotter': true },
      'log-opts': { 'max-size': '1g', labels: 'x' },
      'live-restore': false,
    };
    expect(read(mergeDaemonConfig(JSON.stringify(existing)))).toEqual({
      ...existing,
      'live-restore': true,
      'log-driver': 'json-file',
      'log-opts': { 'max-size': '1g', labels: 'x', 'max-file': '3' },
    });
  });

  it('leaves the options of another log driver alone', () => {
    expect(read(mergeDaemonConfig('{"log-driver":"journald","log-opts":{"tag":"x"}}'))).toEqual({
      'log-driver': 'journald',
      'log-opts': { tag: 'x' },
      'live-restore': true,
    });
  });

  it.each([
    '{"log-opts":{"max-file":"9","max-size":"1m"},"log-driver":"local","live-restore":true}',
    mergeDaemonConfig(null),
  ])('is not written again when it says all of it: %s', (existing) => {
    expect(mergeDaemonConfig(existing)).toBeNull();
  });

  it.each(['{', '[]', '"text"', 'null'])('is refused when it is no object: %s', (existing) => {
    expect(() => mergeDaemonConfig(existing)).toThrow(/daemon\.json/);
  });
});
