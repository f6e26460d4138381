/** A Go that is new enough: the machine's own, else the toolchain from the Go module proxy, pinned by content. */
import { createHash } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureArtefact, recipeKey, type Log } from './cache.ts';
import { attempt, run } from './command.ts';
import { ensureProgram } from './machine.ts';

const TOOLCHAIN = 'v0.0.1-go1.26.8';

/** SHA-256 of the toolchain's archive by Go's name of the architecture. */
const ARCHIVES: Record<string, string> = {
  amd64: '30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7',
  arm64: '02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99',
};

/** True where the output of `go version` is of 1.25 or newer, which the programs ask for. */
export function newEnough(output: string): boolean {
  const [, major, minor] = /\bgo(\d+)\.(\d+)/.exec(output) ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 25);
}

/** The first proxy of a GOPROXY list; null where the list names none. */
export function firstProxy(list: string): string | null {
  const found = list.split(/[,|]/).find((entry) => /^https?:\/\//.test(entry));
  return found?.replace(/\/+$/, '') ?? null;
}

/** Gives the path of the `go` command. */
export async function ensureGo(log: Log): Promise<string> {
  const version = await attempt('go', ['version']);
  if (version.code === 0 && newEnough(version.stdout)) return 'go';
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const expected = ARCHIVES[architecture];
  if (expected === undefined)
    throw new Error(`no Go toolchain is known for ${architecture}; install Go 1.25 or newer by hand`);
  const proxy = firstProxy(process.env['GOPROXY'] ?? '');
  if (proxy === null) throw new Error('Go 1.25 or newer is missing: install it, or set GOPROXY to a module proxy');
  const directory = await ensureArtefact('go', recipeKey(TOOLCHAIN, expected), async (target) => {
    await ensureProgram('unzip', ['unzip'], log);
    log(`fetching the Go toolchain ${TOOLCHAIN} (once)`);
    const name = `${TOOLCHAIN}.linux-${architecture}`;
    const answer = await fetch(`${proxy}/golang.org/toolchain/@v/${name}.zip`);
    if (!answer.ok) throw new Error(`the Go module proxy answered ${answer.status} for its toolchain ${name}`);
    const archive = Buffer.from(await answer.arrayBuffer());
    const found = createHash('sha256').update(archive).digest('hex');
    if (found !== expected) throw new Error(`the Go toolchain has SHA-256 ${found}; expected is ${expected}`);
    const file = join(target, 'toolchain.zip');
    await writeFile(file, archive);
    await run('unzip', ['-q', file, '-d', target]);
    await rm(file);
    const root = join(target, 'root');
    await rename(join(target, 'golang.org', `toolchain@${name}`), root);
    // Archives of modules carry no modes.
    await run('chmod', ['-R', 'a+x', join(root, 'bin'), join(root, 'pkg', 'tool')]);
  });
  return join(directory, 'root', 'bin', 'go');
}
