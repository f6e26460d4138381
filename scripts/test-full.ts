// What takes too long for ./check: every cell of the faults, the mutants on test hosts, many random histories, and the long run of the bench where there is one. Run it on a clean
// checkout: the reports carry the commit that they were made on.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

function execute(command: string, args: string[], env: Record<string, string> = {}): Promise<number> {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
    child.on('error', () => done(127));
    child.on('close', (code) => done(code ?? 1));
  });
}

const parts: { name: string; run: () => Promise<number> }[] = [
  {
    name: 'faults',
    run: () =>
      execute(process.execPath, ['rehearsal/faults/run.ts', '--lanes', '2', '--report', 'docs/reports/faults.md']),
  },
  { name: 'mutants', run: () => execute(process.execPath, ['scripts/mutants.ts', '--all']) },
  {
    name: 'model',
    run: () =>
      execute('npm', ['run', 'test:unit', '--', '--testPathPatterns', 'agent/test/model'], { MODEL_RUNS: '100' }),
  },
];
if ('bench:soak' in scripts) parts.push({ name: 'soak', run: () => execute('npm', ['run', 'bench:soak']) });
else console.log('no script bench:soak: the long run of the bench is left out');

const failed: string[] = [];
for (const { name, run } of parts) {
  console.log(`\n== ${name}`);
  if ((await run()) !== 0) failed.push(name);
}
console.log(`${String(parts.length - failed.length)} passed, ${String(failed.length)} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
