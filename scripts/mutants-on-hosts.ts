import type { Mutant } from './mutants-list.ts';

/** Faults of the release path that tests on real hosts have to find, whatever the unit tests say. */
export const ON_HOSTS: readonly Mutant[] = [
  {
    name: 'drain skipped, on a host',
    file: 'agent/src/steps/drain.ts',
    edits: [
      ['const open = remote.size === 0 ? 0 : count(remote);', 'const open = remote.size > 1e9 ? count(remote) : 0;'],
    ],
    ring: 'process',
    testFile: 'rehearsal/test/switch.test.ts',
    // Where a colour that visitors have left goes on running (cgroups v1), a request to it ends well all the same.
    test: 'WebSockets live until they are closed or until the drain limit, and those that are cut are reported',
  },
  {
    name: 'confirmation skipped, on a host',
    file: 'agent/src/switch.ts',
    edits: [['() => confirm(run, target, hostsOf(truth))', '() => Promise.resolve()']],
    ring: 'process',
    testFile: 'rehearsal/test/switch.test.ts',
    test: 'is put back under load: every request is answered well by one of the two releases, and the new colour goes',
  },
  {
    name: 'host key not checked, against sshd',
    file: 'packages/ssh/src/connect.ts',
    edits: [
      ['accepted = pins.trusted.has(offer.fingerprint) && !pins.revoked.has(offer.fingerprint);', 'accepted = true;'],
    ],
    ring: 'process',
    testFile: 'rehearsal/test/ssh.test.ts',
    test: 'refuses another host key, gives the offered fingerprint and sends nothing',
  },
];
