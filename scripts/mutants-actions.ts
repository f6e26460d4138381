import type { Mutant } from './mutants-list.ts';

const FURTHER = 'packages/runner/test/further.test.ts';

/** Faults in what the actions say about an operation. */
export const ACTIONS: readonly Mutant[] = [
  {
    name: 'a summary that cannot be filled fails the rollback',
    file: 'packages/runner/src/host/further.ts',
    edits: [['} catch (error) {', '} catch (error) {\n    if (ended.verb === "rollback") throw error;']],
    ring: 'unit',
    testFile: FURTHER,
    test: 'is left out with a warning where the host says nothing',
  },
  {
    name: 'a rollback that went well asks the host again',
    file: 'packages/runner/src/host/further.ts',
    edits: [['    if (isGood(ended.result)) return [];\n', '']],
    ring: 'unit',
    testFile: FURTHER,
    test: 'is nothing after a rollback that went well, and the host is not asked again',
  },
  {
    name: 'a refused deploy keeps to itself what the host runs',
    file: 'agent/src/operation.ts',
    edits: [['...(EXIT[said] === 0 ? {} : await stateForResult(paths, owner)),', '']],
    ring: 'unit',
    testFile: 'agent/test/record.test.ts',
    test: 'says what the host runs, so that nobody starts another agent to ask',
  },
  {
    name: 'a release that was not confirmed keeps its last lines',
    file: 'agent/src/switch.ts',
    edits: [['throw await withLastLines(run, target, error);', 'throw error;']],
    ring: 'unit',
    testFile: 'agent/test/settle.test.ts',
    test: 'shows what the containers of the release have said',
  },
  {
    name: 'a state of the host from a later agent hides the result',
    file: 'packages/release/src/events.ts',
    edits: [['host: HostStateSchema.optional().catch(undefined),', 'host: HostStateSchema.optional(),']],
    ring: 'unit',
    testFile: 'packages/release/test/documents.test.ts',
    test: 'of a newer agent lose only the keys that are new',
  },
  {
    name: 'log lines cut before they are masked',
    file: 'packages/runner/src/host/last-lines.ts',
    edits: [['const clean = redact(text);', 'const clean = text;']],
    ring: 'unit',
    testFile: FURTHER,
    test: 'are bounded in number and length, masked before they are cut, and no HTML',
  },
];
