import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { packSource } from '../source.ts';

let root: string;
const git = (...argv: string[]): string =>
  execFileSync('git', ['-C', root, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...argv], { encoding: 'utf8' });

/** Names and contents of the files that an archive holds outside of .git. */
function unpack(archive: Buffer): Record<string, string> {
  const list = execFileSync('tar', ['-t'], { input: archive, encoding: 'utf8' }).split('\n');
  const names = list.filter((name) => !name.endsWith('/') && name !== '' && !name.startsWith('./.git/'));
  return Object.fromEntries(
    names.map((name) => [name, execFileSync('tar', ['-xO', name], { input: archive, encoding: 'utf8' })]),
  );
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'source-test-'));
  git('init', '-q', '-b', 'trunk');
  mkdirSync(join(root, 'a'));
  writeFileSync(join(root, 'a/kept'), 'one\n');
  writeFileSync(join(root, 'gone'), 'x\n');
  writeFileSync(join(root, '.gitignore'), '/ignored\n');
  git('add', '--all');
  git('commit', '-qm', 'first');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('packSource', () => {
  it('is the commit itself where nothing is changed', async () => {
    const source = await packSource(root);
    expect(source.commit).toBe(git('rev-parse', 'HEAD').trim());
    expect(source.dirty).toBe(false);
    expect(unpack(source.archive)).toEqual({ './a/kept': 'one\n', './gone': 'x\n', './.gitignore': '/ignored\n' });
  });

  it('takes changes and removals of tracked files along, and nothing untracked', async () => {
    writeFileSync(join(root, 'a/kept'), 'two\n');
    rmSync(join(root, 'gone'));
    writeFileSync(join(root, 'ignored'), 'secret');
    writeFileSync(join(root, 'untracked'), 'secret');
    const before = git('status', '--porcelain');
    const source = await packSource(root);
    expect(source.dirty).toBe(true);
    expect(source.commit).not.toBe(git('rev-parse', 'HEAD').trim());
    expect(unpack(source.archive)).toEqual({ './a/kept': 'two\n', './.gitignore': '/ignored\n' });
    expect(git('status', '--porcelain')).toBe(before);
  });

  it('refuses a directory without a commit', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'source-test-'));
    await expect(packSource(empty)).rejects.toThrow('must be a git checkout');
    rmSync(empty, { recursive: true });
  });
});
