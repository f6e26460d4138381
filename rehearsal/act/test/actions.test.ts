import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { action, actionPaths, read, root } from './contract.ts';

/** All TypeScript of an action and of what the actions share, as text. */
function sources(directory: string): string {
  return readdirSync(join(root, directory), { recursive: true })
    .map((entry) => join(directory, String(entry)))
    .filter((path) => path.endsWith('.ts') && statSync(join(root, path)).isFile())
    .map((path) => read(path))
    .join('\n');
}

describe.each(actionPaths)('%s', (path) => {
  const meta = action(path);
  const own = sources(join(path, 'src'));
  const shared = own.includes('connectionInputs(') ? read('packages/runner/src/host/connection.ts') : '';
  const login = own.includes('registryLogin(') ? read('packages/runner/src/registry-login.ts') : '';
  const text = own + shared + login;

  it('runs a committed bundle on Node 24', () => {
    expect(meta.runs).toMatchObject({ using: 'node24', main: 'dist/index.js' });
  });

  it('names every input of action.yml in its source', () => {
    const unread = Object.keys(meta.inputs ?? {}).filter((name) => !text.includes(`'${name}'`));
    expect(unread).toEqual([]);
  });

  it('reads no input that action.yml does not have', () => {
    const read = [
      ...text.matchAll(
        /\b(?:core\.getInput|(?:input|reader)\.(?!reject\b)[a-z][A-Za-z]*)\(\s*'([a-z0-9]+(?:-[a-z0-9]+)*)'/g,
      ),
    ].map(([, name]) => name ?? '');
    // A login password is taken only where the action asks for it.
    const asked = new Set(read.filter((name) => name !== 'password' || own.includes('password: true')));
    expect([...asked].filter((name) => !(name in (meta.inputs ?? {})))).toEqual([]);
    expect(asked.size).toBeGreaterThan(0);
  });

  it('names every output of action.yml in its source', () => {
    const unset = Object.keys(meta.outputs ?? {}).filter((name) => !new RegExp(`['"]?\\b${name}\\b['"]?`).test(text));
    expect(unset).toEqual([]);
  });

  it('describes every input and output', () => {
    for (const [name, entry] of [...Object.entries(meta.inputs ?? {}), ...Object.entries(meta.outputs ?? {})]) {
      expect(`${name}: ${entry.description ?? ''}`).toMatch(/: \S/);
    }
  });
});
