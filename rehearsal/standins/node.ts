/** Node and npm for the images, from the npm registry: the plain binary that this checkout itself pins. */
import { cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureArtefact, recipeKey, type Log } from './cache.ts';
import { run } from './command.ts';

const NPM = '11.21.2';

async function nodePackage(): Promise<{ name: string; version: string }> {
  const root = join(import.meta.dirname, '..', '..');
  const { devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const [name, version] =
    Object.entries(devDependencies).find(([dependency]) => dependency.startsWith('node-linux-')) ?? [];
  if (!name || !version) throw new Error('package.json names no node-linux-* package to take Node from');
  return { name, version };
}

/** The key of Node and npm as ensureNode gives them. */
export async function nodeKey(): Promise<string> {
  const { name, version } = await nodePackage();
  return recipeKey(name, version, NPM, 'layout 1');
}

/** Gives a directory with `bin/node`, `bin/npm`, `bin/npx` and npm's modules, to be copied to /usr/local of an image. */
export async function ensureNode(log: Log = () => undefined): Promise<string> {
  const { name, version } = await nodePackage();
  return ensureArtefact('node', await nodeKey(), async (directory) => {
    log(`fetching Node ${version} and npm ${NPM}`);
    const fetched = async (specification: string, into: string) => {
      await mkdir(into, { recursive: true });
      const [packed] = JSON.parse(
        await run('npm', ['pack', '--json', '--silent', '--pack-destination', directory, specification], {
          cwd: directory,
        }),
      ) as [{ filename: string }];
      await run('tar', ['-xzf', join(directory, packed.filename), '-C', into, '--strip-components=1']);
      await run('rm', [join(directory, packed.filename)]);
    };
    const bin = join(directory, 'local', 'bin');
    const modules = join(directory, 'local', 'lib', 'node_modules');
    await mkdir(bin, { recursive: true });
    await fetched(`${name}@${version}`, join(directory, 'node'));
    await cp(join(directory, 'node', 'bin', 'node'), join(bin, 'node'));
    await run('rm', ['-r', join(directory, 'node')]);
    await fetched(`npm@${NPM}`, join(modules, 'npm'));
    for (const tool of ['npm', 'npx']) await symlink(`../lib/node_modules/npm/bin/${tool}-cli.js`, join(bin, tool));
  }).then((directory) => join(directory, 'local'));
}
