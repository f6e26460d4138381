// Bundles every action and the agent with ncc into its committed dist/.
// `node scripts/build-dist.ts [--out DIR] [name...]`: with --out the bundles go to DIR/<name> instead, for comparison.
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { licences } from './licences.ts';

const root = resolve(import.meta.dirname, '..');
const ncc = createRequire(import.meta.url).resolve('@vercel/ncc/dist/ncc/cli.js');
const run = promisify(execFile);

const targets: Record<string, string> = {
  'build-images': 'actions/build-images',
  'provision-vps': 'actions/provision-vps',
  'deploy-release': 'actions/deploy-release',
  'verify-health': 'actions/verify-health',
  rollback: 'actions/rollback',
  agent: 'agent',
};

// ssh2 reaches for `__dirname`, which an ES module does not have; the bundle gets its own.
const banner = [
  "import { dirname as __dirnameOf } from 'node:path';",
  "import { fileURLToPath as __pathOf } from 'node:url';",
  'const __filename = __pathOf(import.meta.url);',
  'const __dirname = __dirnameOf(__filename);',
  '',
].join('\n');

// Windows helper and optional native add-ons of ssh2: never used on a Linux runner, never shipped.
const unwanted = ['pagent.exe', 'build', 'lib'];

async function bundle(name: string, out: string): Promise<void> {
  const source = targets[name];
  if (source === undefined) throw new Error(`unknown bundle "${name}": one of ${Object.keys(targets).join(', ')}`);
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const stats = join(out, 'stats.json');
  const { stdout } = await run(
    process.execPath,
    [ncc, 'build', join(root, source, 'src/index.ts'), '-o', out, '--stats-out', stats, '--no-cache'],
    { cwd: root, maxBuffer: 64 * 1024 * 1024 },
  );
  await writeFile(join(out, 'licenses.txt'), await licences(JSON.parse(await readFile(stats, 'utf8'))));
  await rm(stats);
  for (const entry of unwanted) await rm(join(out, entry), { recursive: true, force: true });
  const file = join(out, 'index.js');
  const code = await readFile(file, 'utf8');
  if (code.includes(root)) throw new Error(`${name}: the bundle names this machine's path ${root}`);
  await writeFile(file, banner + code);
  const files = await readdir(out, { recursive: true });
  console.log(
    `${name}: ${(code.length / 1e6).toFixed(2)} MB, ${files.length} files${stdout.includes('error') ? '\n' + stdout : ''}`,
  );
}

const args = process.argv.slice(2);
let outRoot: string | undefined;
if (args[0] === '--out') {
  args.shift();
  outRoot = resolve(args.shift() ?? '');
}
const names = args.length > 0 ? args : Object.keys(targets);
for (const name of names) {
  const out = outRoot ? join(outRoot, name) : join(root, targets[name] ?? '', 'dist');
  await bundle(name, out);
}
