/** The checkout that is rehearsed, as a git clone of its own: HEAD plus uncommitted changes of tracked files. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const IDENTITY = ['-c', 'user.name=rehearsal', '-c', 'user.email=rehearsal@localhost'];

export interface Source {
  /** Full id of the commit that is rehearsed. */
  commit: string;
  /** Whether it holds changes that the checkout has not committed. */
  dirty: boolean;
  /** tar of the clone, `.git` included. */
  archive: Buffer;
}

/**
 * Clones the checkout at `root` without its history (a shallow checkout will do) into a scratch directory, lays uncommitted changes of tracked files
 * over it as one more commit on `main`, and packs it. The checkout itself is only read. Throws where `root` is no git checkout.
 */
export async function packSource(root: string): Promise<Source> {
  const scratch = await mkdtemp(join(tmpdir(), 'rehearsal-source-'));
  try {
    // The checkout may belong to another user than the one who rehearses.
    const config = join(scratch, 'gitconfig');
    await writeFile(config, '[safe]\n\tdirectory = *\n');
    const git = async (directory: string, ...argv: string[]): Promise<string> => {
      const env = { ...process.env, GIT_CONFIG_GLOBAL: config, GIT_TERMINAL_PROMPT: '0' };
      const { stdout } = await execute('git', ['-C', directory, ...IDENTITY, ...argv], { env, maxBuffer: 1 << 26 });
      return stdout;
    };
    const clone = join(scratch, 'clone');
    await git(scratch, 'clone', '--quiet', '--depth', '1', '--no-tags', `file://${root}`, clone).catch(
      (error: unknown) => {
        throw new Error(`${root} must be a git checkout with one commit at least: ${String((error as Error).message)}`);
      },
    );
    await git(clone, 'checkout', '--quiet', '-B', 'main');
    await git(clone, 'remote', 'remove', 'origin');
    const changed = (await git(root, 'diff', '--name-only', '-z', 'HEAD')).split('\0').filter((path) => path !== '');
    for (const path of changed) {
      const from = join(root, path);
      const to = join(clone, path);
      await rm(to, { recursive: true, force: true });
      if (
        await stat(from).then(
          () => true,
          () => false,
        )
      ) {
        await mkdir(dirname(to), { recursive: true });
        await cp(from, to, { verbatimSymlinks: true });
      }
    }
    await git(clone, 'add', '--all');
    const dirty = (await git(clone, 'status', '--porcelain')).trim() !== '';
    if (dirty) await git(clone, 'commit', '--quiet', '--no-verify', '-m', 'Uncommitted changes of the checkout');
    const commit = (await git(clone, 'rev-parse', 'HEAD')).trim();
    const { stdout } = await execute('tar', ['-c', '-C', clone, '.'], { encoding: 'buffer', maxBuffer: 1 << 29 });
    return { commit, dirty, archive: stdout };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
