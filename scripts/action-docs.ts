// Writes the tables of inputs and outputs in each README from action.yml, between the markers.
// `node scripts/action-docs.ts [--check]`: with --check nothing is written and a stale README fails.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

interface Field {
  description?: string;
  required?: boolean;
  default?: string;
}
interface ActionFile {
  inputs?: Record<string, Field>;
  outputs?: Record<string, Field>;
}

const root = resolve(import.meta.dirname, '..');
const check = process.argv.includes('--check');

const cell = (text: string): string =>
  text
    .trim()
    .replaceAll('|', '\\|')
    .replaceAll(/\s*\n\s*/g, ' ');

function inputsTable(inputs: Record<string, Field>): string {
  const rows = Object.entries(inputs).map(([name, field]) => {
    const fallback = field.required === true ? '**required**' : field.default ? `\`${cell(field.default)}\`` : '';
    return `| \`${name}\` | ${cell(field.description ?? '')} | ${fallback} |`;
  });
  return ['| input | what it is | default |', '| --- | --- | --- |', ...rows].join('\n');
}

function outputsTable(outputs: Record<string, Field>): string {
  const rows = Object.entries(outputs).map(([name, field]) => `| \`${name}\` | ${cell(field.description ?? '')} |`);
  return ['| output | what it is |', '| --- | --- |', ...rows].join('\n');
}

function between(text: string, marker: string, content: string): string {
  const start = `<!-- ${marker}:start -->`;
  const end = `<!-- ${marker}:end -->`;
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the markers ${start} and ${end} are missing`);
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`;
}

const stale: string[] = [];
for (const name of (await readdir(join(root, 'actions'))).sort()) {
  const readme = join(root, 'actions', name, 'README.md');
  const action = parse(await readFile(join(root, 'actions', name, 'action.yml'), 'utf8')) as ActionFile;
  const before = await readFile(readme, 'utf8');
  let after = between(before, 'inputs', inputsTable(action.inputs ?? {}));
  after = between(after, 'outputs', outputsTable(action.outputs ?? {}));
  if (after === before) continue;
  stale.push(`actions/${name}/README.md`);
  if (!check) await writeFile(readme, after);
}
if (check && stale.length > 0) {
  console.error(`out of date: ${stale.join(', ')}. Run: npm run docs`);
  process.exit(1);
}
console.log(stale.length === 0 ? 'READMEs agree with action.yml.' : `rewrote ${stale.join(', ')}`);
