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
    edits: [['    if (ended.result.error === null) return [];\n', '']],
    ring: 'unit',
    testFile: FURTHER,
    test: 'is nothing after a rollback that went well, and the host is not asked again',
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
