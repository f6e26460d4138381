import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A module in webpack's statistics; one that was made of several holds them. */
interface Module {
  nameForCondition?: string | null;
  modules?: Module[];
}

const PACKAGE = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;
const TEXT = /^(licen[cs]e|copying|notice)([.-].*)?$/i;

/**
 * The licences of all packages that have code in a bundle, sorted by name: ncc's own list (`--license`) has only those of one file where
 * a bundle has several.
 * @param stats what ncc writes with `--stats-out`
 */
export async function licences(stats: Module): Promise<string> {
  const directories = new Set(paths(stats).flatMap((path) => PACKAGE.exec(path)?.[0] ?? []));
  const sections = await Promise.all([...directories].map(section));
  return [...new Set(sections)].sort().join('\n');
}

function paths({ nameForCondition, modules = [] }: Module): string[] {
  return [...(nameForCondition ? [nameForCondition] : []), ...modules.flatMap(paths)];
}

async function section(directory: string): Promise<string> {
  const about = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as Record<string, unknown>;
  const files = (await readdir(directory)).filter((name) => TEXT.test(name)).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
  const said = typeof about['license'] === 'string' ? about['license'] : JSON.stringify(about['licenses'] ?? 'unknown');
  return [
    `${String(about['name'])} ${String(about['version'])}`,
    said,
    ...texts.map((text) => text.replaceAll('\r\n', '\n').trim()),
    '',
  ].join('\n');
}
