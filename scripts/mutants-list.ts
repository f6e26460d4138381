import { ACTIONS } from './mutants-actions.ts';
import { ON_HOSTS } from './mutants-on-hosts.ts';
import { PROVISIONING } from './mutants-provisioning.ts';

/** A fault that is planted to see whether a test finds it. */
export interface Mutant {
  name: string;
  file: string;
  /** Each pair is a text that the file holds exactly once, and what stands there instead. */
  edits: readonly (readonly [string, string])[];
  /** The test that has to go red. `process` ones run the bundles on test hosts and take minutes. */
  ring: 'unit' | 'process';
  testFile: string;
  test: string;
}

const FLOW = 'agent/test/flow.test.ts';
const ROUTE = 'agent/test/route.test.ts';
const FILES = 'agent/test/host-files.test.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'drain skipped',
    file: 'agent/src/steps/drain.ts',
    edits: [
      ['const open = remote.size === 0 ? 0 : count(remote);', 'const open = remote.size > 1e9 ? count(remote) : 0;'],
    ],
    ring: 'unit',
    testFile: FLOW,
    test: 'waits until the connections to the old colour have ended, and cuts none',
  },
  {
    name: 'confirmation skipped',
    file: 'agent/src/switch.ts',
    edits: [['() => confirm(run, target, hostsOf(truth))', '() => Promise.resolve()']],
    ring: 'unit',
    testFile: FLOW,
    test: 'sends SIGTERM to the old colour only after the public path has answered by the new generation and its connections were counted',
  },
  {
    name: 'verifier always true',
    file: 'packages/trust/src/verify.ts',
    edits: [['return verifier.verify(toSignedEntity(bundle));', 'return toSignedEntity(bundle) as never;']],
    ring: 'unit',
    testFile: 'agent/test/signature.test.ts',
    test: 'refuses by name what is unsigned, tampered with, or signed by another key',
  },
  {
    name: 'signature not asked for',
    file: 'agent/src/steps/verify.ts',
    edits: [
      ['if (policy?.signatures === undefined) {', "if (policy?.signatures !== undefined) return 'signed';\n  else {"],
    ],
    ring: 'unit',
    testFile: 'agent/test/signature.test.ts',
    test: 'refuses by name what is unsigned, tampered with, or signed by another key',
  },
  {
    name: 'sealed files not compared',
    file: 'agent/src/steps/verify.ts',
    edits: [['if (found !== expected)', 'if (found === null)']],
    ring: 'unit',
    testFile: 'agent/test/decisions.test.ts',
    test: 'is refused for a changed, a missing or an unnamed file and for another platform',
  },
  {
    name: 'lock ignored',
    file: 'agent/src/lock.ts',
    edits: [['(code) => resolve(code === 0)', '() => resolve(true)']],
    ring: 'unit',
    testFile: FILES,
    test: 'is held by one, names its holder, and is never unlinked',
  },
  {
    name: 'prober blind',
    file: 'agent/src/prober/samples.ts',
    edits: [['failures: failed.length,', 'failures: 0,']],
    ring: 'unit',
    testFile: FLOW,
    test: 'that loses a request of the public path on its way has failed, and says how many',
  },
  {
    name: 'drops forgiven',
    file: 'agent/src/deploy.ts',
    edits: [['    refuseDrops(report);\n', '']],
    ring: 'unit',
    testFile: FLOW,
    test: 'that loses a request of the public path on its way has failed, and says how many',
  },
  {
    name: 'gate after the switch',
    file: 'agent/src/switch.ts',
    edits: [
      ["  await run.events.step('gate', async (note) => note(await gate(run, target)));\n", ''],
      [
        "    await run.events.step('confirm',",
        "    await run.events.step('gate', async (note) => note(await gate(run, target)));\n    await run.events.step('confirm',",
      ],
    ],
    ring: 'unit',
    testFile: FLOW,
    test: 'asks every replica before it routes to one, and does not ask it again through the gate afterwards',
  },
  {
    name: 'rollback to the wrong target',
    file: 'packages/release/src/ledger.ts',
    edits: [
      [
        'history.findLast((item) => item.release !== current?.release)',
        'history.find((item) => item.release !== current?.release)',
      ],
    ],
    ring: 'unit',
    testFile: 'packages/release/test/target.test.ts',
    test: 'goes to the previous release without a name, and says its manifest',
  },
  {
    name: 'prune eats the previous release',
    file: 'packages/release/src/retention.ts',
    edits: [['previous(ledger)?.release, ', '']],
    ring: 'unit',
    testFile: 'packages/release/test/retention.test.ts',
    test: 'keeps the previous release although only one is asked for',
  },
  {
    name: 'prune eats what is routed',
    file: 'agent/src/steps/prune.ts',
    edits: [['protect: routed === null ? protect : [...protect, routed.release],', 'protect,']],
    ring: 'unit',
    testFile: 'agent/test/record.test.ts',
    test: 'never forgets what the edge routes to, whatever the ledger says',
  },
  {
    name: 'kept images not pinned',
    file: 'agent/src/steps/prune.ts',
    edits: [['await run.docker.createPin(pinName(owner, image), image, { [PIN]: owner, [PINNED]: image });', '']],
    ring: 'unit',
    testFile: FLOW,
    test: 'needs no registry',
  },
  {
    name: 'route file written in place',
    file: 'agent/src/steps/route.ts',
    edits: [
      ["import { renameSync, rmSync } from 'node:fs';", "import { renameSync, rmSync, writeFileSync } from 'node:fs';"],
      [
        'else writeAtomically(paths.route, text, { staging: paths.staging });\n}\n\nfunction rendered',
        'else writeFileSync(paths.route, text);\n}\n\nfunction rendered',
      ],
    ],
    ring: 'unit',
    testFile: ROUTE,
    test: 'is renamed into the watched directory whole: nothing else is ever seen there, and no file is written in place',
  },
  {
    name: 'watch begins when the workers have changed over',
    file: 'agent/src/settle.ts',
    edits: [['const burned = await watch(', 'await changed;\n  const burned = await watch(']],
    ring: 'unit',
    testFile: 'agent/test/settle.test.ts',
    test: 'the release is watched at once, however long the old workers take to end',
  },
  {
    name: 'switch while Docker restarts',
    file: 'agent/src/switch.ts',
    edits: [['if (!(await run.docker.answers(DOCKER_MS)))', 'if (DOCKER_MS < 0)']],
    ring: 'unit',
    testFile: 'agent/test/settle.test.ts',
    test: 'Docker that is being restarted is waited for: the edge could open no connection to the new colour',
  },
  {
    name: 'a removal asks again by the order that Docker lists in',
    file: 'agent/src/remove.ts',
    edits: [['return items.map(({ name }) => name).sort();', 'return items.map(({ name }) => name);']],
    ring: 'unit',
    testFile: 'agent/test/remove.test.ts',
    test: 'does not ask again because Docker lists the same in another order',
  },
  {
    name: 'connections of a left colour cut',
    file: 'agent/src/settle.ts',
    edits: [['await drain(addressesOf(webContainers(old)), settling.drainSeconds);\n    await rest', 'await rest']],
    ring: 'unit',
    testFile: 'agent/test/settle.test.ts',
    test: 'connections to the colour that visitors have left get their time, also where the watch ends early',
  },
  {
    name: 'left colour not put to rest',
    file: 'agent/src/settle.ts',
    edits: [['if (report.switched && old !== null) await leave(', 'if (report.cut < 0 && old !== null) await leave(']],
    ring: 'unit',
    testFile: 'agent/test/settle.test.ts',
    test: 'a colour that visitors have left does not start after a reboot, also where they cannot go back to it',
  },
  {
    name: 'fencing off',
    file: 'agent/src/steps/route.ts',
    edits: [['if ((now?.generation ?? 0) !== (truth.route?.generation ?? 0)) {', 'if (now?.generation === -1) {']],
    ring: 'unit',
    testFile: ROUTE,
    test: 'is not touched by an operation that was planned on another generation: it has lost its turn',
  },
  {
    name: 'secrets readable by all',
    file: 'agent/src/steps/record.ts',
    edits: [['writeAtomically(paths.env, text, { mode: 0o600 });', 'writeAtomically(paths.env, text);']],
    ring: 'unit',
    testFile: FILES,
    test: 'are those of the deploy once it is confirmed, those of before when it is off; always 0600',
  },
  {
    name: 'masks off',
    file: 'agent/src/mask.ts',
    edits: [['return (text) => ordered.reduce(', 'return (text) => [].reduce(']],
    ring: 'unit',
    testFile: 'agent/test/mask.test.ts',
    test: 'takes secrets out in the forms in which they travel',
  },
  {
    name: 'recovery adopts what does not answer',
    file: 'agent/src/truth.ts',
    edits: [
      ["return answers ? { action: 'adopt', route } : { action: 'restore' };", "return { action: 'adopt', route };"],
    ],
    ring: 'unit',
    testFile: 'agent/test/recover.test.ts',
    test: 'is taken back when the edge does not serve it, although its containers run',
  },
  {
    name: 'host key not checked',
    file: 'packages/ssh/src/connect.ts',
    edits: [
      ['accepted = pins.trusted.has(offer.fingerprint) && !pins.revoked.has(offer.fingerprint);', 'accepted = true;'],
    ],
    ring: 'unit',
    testFile: 'packages/ssh/test/session.test.ts',
    test: 'refuses another host key, names what was offered and how to compare, and sends nothing',
  },
  {
    name: 'envelope not validated',
    file: 'packages/release/src/envelope.ts',
    edits: [
      [
        "return parseDocument('envelope', EnvelopeSchema, text, ENVELOPE_MAX_BYTES);",
        'return JSON.parse(text) as Envelope;',
      ],
    ],
    ring: 'unit',
    testFile: 'packages/release/test/documents.test.ts',
    test: 'parseEnvelope',
  },
  {
    name: 'older release over a newer one',
    file: 'agent/src/steps/stale.ts',
    edits: [['Date.parse(manifest.created) >= Date.parse(current.created)', 'current.release !== manifest.release']],
    ring: 'unit',
    testFile: 'agent/test/plan.test.ts',
    test: 'is refused where a newer one is live, unless it was live here before or the caller says so',
  },
  {
    name: 'disk not looked at',
    file: 'agent/src/steps/plan.ts',
    edits: [['if (free < DISK_MIN_BYTES)', 'if (free < 0)']],
    ring: 'unit',
    testFile: FLOW,
    test: 'is refused before it pulls anything where the disk has too little room',
  },
  {
    name: 'two workers at once',
    file: 'agent/src/workers.ts',
    edits: [['await run.docker.stop(container, graceOf(container));', '']],
    ring: 'unit',
    testFile: FLOW,
    test: 'ends the old worker before the new one starts',
  },
  {
    name: 'a dead switch is not looked at again',
    file: 'agent/src/recover.ts',
    edits: [
      [
        "if (decision.action === 'adopt') await adopt(",
        "if (decision.action === 'adopt' && run.app === '') await adopt(",
      ],
    ],
    ring: 'unit',
    testFile: FLOW,
    test: 'at any of its effects leaves a host that serves, and the next one finds out what is live and goes on',
  },
  {
    name: 'secrets of a deploy that came to nothing stay',
    file: 'agent/src/steps/record.ts',
    edits: [['  renameSync(paths.envBefore, paths.env);', '  rmSync(paths.envBefore);']],
    ring: 'unit',
    testFile: FLOW,
    test: 'at any of its effects leaves a host that serves, and the next one finds out what is live and goes on',
  },
  {
    name: 'a generation used twice',
    file: 'agent/src/truth.ts',
    edits: [['return Math.max(truth.tried, ', 'return Math.max(']],
    ring: 'unit',
    testFile: 'agent/test/take-back.test.ts',
    test: 'uses its generation up',
  },
  {
    name: 'a rollback from a shell waits for standard input',
    file: 'host/release',
    edits: [['  actor=$(id -un)@$(uname -n) asked=\n', '  actor=$(id -un)@$(uname -n)\n']],
    ring: 'unit',
    testFile: 'host/test/release.test.ts',
    test: 'does not wait for a standard input that never ends, from a shell on the host',
  },
  {
    name: 'a rollback that takes over a minute is told as failed',
    file: 'host/release',
    edits: [['--max-time 900', '--max-time 60']],
    ring: 'unit',
    testFile: 'host/test/release.test.ts',
    test: 'waits for the workers of a watched release to change over, and never asks twice for what was taken',
  },
  {
    name: 'a rollback that was taken is asked for once more',
    file: 'host/release',
    edits: [['case $code in 2 | 7 | 22 | 127) ;;', 'case $code in [0-9]*) ;;']],
    ring: 'unit',
    testFile: 'host/test/release.test.ts',
    test: 'waits for the workers of a watched release to change over, and never asks twice for what was taken',
  },
  {
    name: 'a certificate that has ended stops the way back',
    file: 'agent/src/steps/confirm.ts',
    edits: [['if (known && isOutOfTime(error)) connect', 'if (known && !isOutOfTime(error)) connect']],
    ring: 'unit',
    testFile: 'agent/test/confirm.test.ts',
    test: 'goes on with a certificate that has ended, on a host name that was served before, and says which and what to do',
  },
  {
    name: 'a certificate that has ended passes for a new host name',
    file: 'agent/src/steps/confirm.ts',
    edits: [['if (known && isOutOfTime(error)) connect', 'if (isOutOfTime(error)) connect']],
    ring: 'unit',
    testFile: 'agent/test/confirm.test.ts',
    test: 'verifies the time too of a host name that is served for the first time',
  },
  {
    name: 'a certificate that has ended may have any name',
    file: 'agent/src/steps/out-of-time.ts',
    edits: [['if (otherName !== undefined) throw otherName;', 'if (otherName === null) throw otherName;']],
    ring: 'unit',
    testFile: 'agent/test/confirm.test.ts',
    test: 'stays a failure over a certificate that has ended and is',
  },
  {
    name: 'a certificate that has ended may come from anybody',
    file: 'agent/src/steps/out-of-time.ts',
    edits: [['if (issuer === undefined) return false;', 'if (issuer === undefined) return true;']],
    ring: 'unit',
    testFile: 'agent/test/confirm.test.ts',
    test: 'stays a failure over a certificate that has ended and is',
  },
  {
    name: 'a certificate that has ended may be signed by any other',
    file: 'agent/src/steps/out-of-time.ts',
    edits: [['=> by.ca && at', '=> at']],
    ring: 'unit',
    testFile: 'agent/test/confirm.test.ts',
    test: 'stays a failure over a certificate that has ended and is',
  },
  {
    name: 'a client that was refused for a name is asked again',
    file: 'agent/src/steps/confirm.ts',
    edits: [
      [
        '            client = clientOf(edge, connect);\n            throw',
        '            if (isOutOfTime(error)) client = clientOf(edge, connect);\n            throw',
      ],
    ],
    ring: 'unit',
    testFile: 'agent/test/confirm.test.ts',
    test: 'is refused in time over a certificate of another name that has not ended',
  },
  ...ON_HOSTS,
  ...ACTIONS,
  ...PROVISIONING,
];
