// Writes the tables of inputs and outputs in each README from action.yml, and those of docs/hardening.md from the tasks of provisioning,
// between the markers.
// `node scripts/action-docs.ts [--check]`: with --check nothing is written and a stale README fails.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { sshdTable, sysctlTable, tasksTables } from './hardening-docs.ts';

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
async function rewrite(path: string, tables: Record<string, string>): Promise<void> {
  const before = await readFile(join(root, path), 'utf8');
  let after = before;
  for (const [marker, content] of Object.entries(tables)) after = between(after, marker, content);
  if (after === before) return;
  stale.push(path);
  if (!check) await writeFile(join(root, path), after);
}

for (const name of (await readdir(join(root, 'actions'))).sort()) {
  const action = parse(await readFile(join(root, 'actions', name, 'action.yml'), 'utf8')) as ActionFile;
  await rewrite(`actions/${name}/README.md`, {
    inputs: inputsTable(action.inputs ?? {}),
    outputs: outputsTable(action.outputs ?? {}),
  });
}
await rewrite('docs/hardening.md', { tasks: tasksTables(), sysctl: sysctlTable(), sshd: sshdTable() });
if (check && stale.length > 0) {
  console.error(`out of date: ${stale.join(', ')}. Run: npm run docs`);
  process.exit(1);
}
console.log(
  stale.length === 0
    ? 'READMEs agree with action.yml, docs/hardening.md with the tasks.'
    : `rewrote ${stale.join(', ')}`,
);
