import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { liveHistory, parseAssetList } from '@delivery/release';
import type { AssetDirectory, AssetList, Manifest } from '@delivery/release';
import { releaseAssets } from '@delivery/stack';
import type { ReleaseAssets } from '@delivery/stack';
import { DockerError } from './docker/engine.ts';
import { readIfThere, syncDirectory, writeAll, writeAtomically } from './files.ts';
import { StepError } from './failure.ts';
import { releaseDirectory } from './paths.ts';
import type { Paths } from './paths.ts';
import type { Run } from './run.ts';
import { storedReleases, readRelease } from './store.ts';
import { readTruth } from './truth.ts';

/** Of one directory; a release that has more has something else in it than hashed files of a page. */
const MAX_BYTES = 1024 ** 3;
const MAX_FILES = 20_000;

/**
 * Puts a release's hashed files beside those of the releases of before, in the directories that both colours have mounted: a page
 * loaded before a switch finds its files after it, and after a rollback. Every file is whole on disk before the release's list names
 * it; a release whose list is here is left alone. Throws StepError `asset_changed` where a release that visitors may be on has a file
 * of the same name with other content: its pages would get the wrong one.
 * @returns how many files were added
 */
export async function bridgeAssets(
  run: Pick<Run, 'paths' | 'docker'>,
  manifest: Manifest,
  sealed: string,
): Promise<number> {
  const wanted = releaseAssets({ sealed, manifest });
  if (wanted.length === 0) return 0;
  const { paths } = run;
  if (covers(readList(paths, manifest.release), wanted)) return 0;
  const others = listsInUse(paths, manifest.release);
  let added = 0;
  const directories: AssetDirectory[] = [];
  for (const one of wanted) {
    const known = others.filter(({ list }) => list.service === one.service && list.path === one.path);
    // Images are named by digest: the same image has the same files, and they are here.
    const same = known.find(({ list }) => list.image === one.image);
    const copied = same === undefined ? await copy(run, one, known) : { files: same.list.files, added: 0 };
    directories.push({ ...one, files: copied.files });
    added += copied.added;
  }
  const list: AssetList = { v: 1, directories };
  writeAtomically(listFile(paths, manifest.release), `${JSON.stringify(list)}\n`);
  return added;
}

interface Known {
  release: string;
  list: AssetDirectory;
}

async function copy(
  run: Pick<Run, 'paths' | 'docker'>,
  { service, image, path }: ReleaseAssets,
  known: readonly Known[],
): Promise<{ files: Record<string, string>; added: number }> {
  const at = `assets: ${path} of service ${service}`;
  const target = assetDirectory(run.paths, service, path);
  const staging = join(run.paths.assets, '.staging');
  rmSync(staging, { recursive: true, force: true });
  for (const directory of [target, staging]) mkdirSync(directory, { recursive: true, mode: 0o755 });
  const files: Record<string, string> = {};
  const placed: { from: string; to: string }[] = [];
  let bytes = 0;
  const each = async (
    entry: { path: string; type: string; size: number },
    content: () => Promise<Buffer>,
  ): Promise<void> => {
    const [, ...parts] = entry.path.replace(/\/$/, '').split('/');
    const name = parts.join('/');
    if (entry.type === 'directory') return;
    if (name === '') throw new StepError('asset_missing', `${at}: is no directory in its image`);
    if (entry.type !== 'file' || parts.some((part) => part === '' || part === '.' || part === '..'))
      throw new StepError('asset_refused', `${at}: ${name} is a ${entry.type}; only files can be kept`);
    bytes += entry.size;
    if (bytes > MAX_BYTES || placed.length >= MAX_FILES)
      throw new StepError('asset_refused', `${at}: more than ${String(MAX_FILES)} files or 1 GiB`);
    const data = await content();
    const digest = `sha256:${createHash('sha256').update(data).digest('hex')}`;
    const before = known.find(({ list }) => list.files[name] !== undefined);
    if (before !== undefined && before.list.files[name] !== digest)
      throw new StepError(
        'asset_changed',
        `${at}: ${name} has other content in release ${before.release}, whose pages would get this one; a file that changes must bear a hash of its content in its name, or lie outside of assets`,
      );
    files[name] = digest;
    if (before !== undefined && existsSync(join(target, name))) return;
    const from = join(staging, String(placed.length));
    write(from, data);
    placed.push({ from, to: join(target, name) });
  };
  try {
    await run.docker.readArchive(image, path, each);
  } catch (error) {
    if (error instanceof DockerError && error.status === 404)
      throw new StepError('asset_missing', `${at}: is not in its image`);
    throw error;
  }
  place(placed);
  rmSync(staging, { recursive: true, force: true });
  return { files, added: placed.length };
}

function write(path: string, data: Buffer): void {
  const descriptor = openSync(path, 'wx', 0o644);
  try {
    writeAll(descriptor, data, 0);
  } finally {
    closeSync(descriptor);
  }
}

/** Flushes all first, then renames: the first flush takes most of the others along. */
function place(placed: readonly { from: string; to: string }[]): void {
  for (const { from } of placed) {
    const descriptor = openSync(from, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
  const directories = new Set(placed.map(({ to }) => dirname(to)));
  for (const directory of directories) mkdirSync(directory, { recursive: true, mode: 0o755 });
  for (const { from, to } of placed) renameSync(from, to);
  for (const directory of directories) syncDirectory(directory);
}

/**
 * The lists of other releases that visitors may be on or go back to. A release that never went live has no pages out there: its list
 * goes, so that its files stand in nobody's way, and it is copied anew if it comes again.
 */
function listsInUse(paths: Paths, release: string): Known[] {
  const live = new Set(liveHistory(readTruth(paths).ledger).map((item) => item.release));
  return storedReleases(paths).flatMap((other) => {
    if (other === release) return [];
    if (!live.has(other)) {
      rmSync(listFile(paths, other), { force: true });
      return [];
    }
    return (readList(paths, other)?.directories ?? []).map((list) => ({ release: other, list }));
  });
}

/**
 * Removes the hashed files that no release on this host has any more. Where a kept release should have a list and has none, nothing is
 * removed: what it needs is not known.
 * @returns how many files went
 */
export function sweepAssets(paths: Paths): number {
  if (!existsSync(paths.assets)) return 0;
  const needed = new Set<string>();
  const roots = new Set<string>();
  for (const release of storedReleases(paths)) {
    const list = readList(paths, release);
    const stored = readRelease(paths, release);
    const wanted = stored === null ? [] : releaseAssets(stored);
    if (wanted.length > 0 && !covers(list, wanted)) return 0;
    for (const { service, path, files } of list?.directories ?? []) {
      const directory = assetDirectory(paths, service, path);
      roots.add(directory);
      for (const name of Object.keys(files)) needed.add(join(directory, name));
    }
  }
  return sweep(paths.assets, needed, roots);
}

/** A directory that containers have mounted stays, empty or not: a new one of its name would not be theirs. */
function sweep(directory: string, needed: ReadonlySet<string>, roots: ReadonlySet<string>): number {
  let removed = 0;
  for (const entry of entriesOf(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) removed += sweep(path, needed, roots);
    else if (!needed.has(path)) {
      rmSync(path, { force: true });
      removed += 1;
    }
  }
  if (!roots.has(directory) && entriesOf(directory).length === 0) {
    try {
      rmdirSync(directory);
    } catch {
      // There never was one.
    }
  }
  return removed;
}

function entriesOf(directory: string): { name: string; isDirectory: () => boolean }[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

function covers(list: AssetList | null, wanted: readonly ReleaseAssets[]): boolean {
  return (
    list !== null &&
    wanted.every((one) =>
      list.directories.some(
        ({ service, image, path }) => service === one.service && image === one.image && path === one.path,
      ),
    )
  );
}

function readList(paths: Paths, release: string): AssetList | null {
  const text = readIfThere(listFile(paths, release));
  return text === null ? null : parseAssetList(text);
}

function listFile(paths: Paths, release: string): string {
  return join(releaseDirectory(paths, release), 'assets.json');
}

/** Service and path were checked against their patterns: neither leads out of the directory. */
function assetDirectory(paths: Paths, service: string, path: string): string {
  return join(paths.assets, service, path);
}
