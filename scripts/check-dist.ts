// Rebuilds every bundle and compares it byte for byte with the committed dist/. Exit 1 names what differs.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const fresh = await mkdtemp(join(tmpdir(), 'dist-'));
const names = ['build-images', 'provision-vps', 'deploy-release', 'verify-health', 'rollback', 'agent'];

async function listFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();
}

const differences: string[] = [];
try {
  execFileSync(process.execPath, [join(root, 'scripts/build-dist.ts'), '--out', fresh], { stdio: 'inherit' });
  for (const name of names) {
    const committed = join(root, name === 'agent' ? 'agent/dist' : `actions/${name}/dist`);
    const rebuilt = join(fresh, name);
    const files = new Set([...(await listFiles(committed)), ...(await listFiles(rebuilt))]);
    for (const file of files) {
      const [a, b] = await Promise.all([
        readFile(join(committed, file)).catch(() => null),
        readFile(join(rebuilt, file)).catch(() => null),
      ]);
      if (a === null || b === null || !a.equals(b)) differences.push(`${name}/${file}`);
    }
  }
} finally {
  await rm(fresh, { recursive: true, force: true });
}
if (differences.length > 0) {
  console.error(`dist/ is not what the sources build to:\n  ${differences.join('\n  ')}\nRun: npm run build`);
  process.exit(1);
}
console.log('dist/ is what the sources build to.');
