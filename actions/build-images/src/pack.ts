import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SealedFile } from '@delivery/stack';

/** Names that mean secrets by habit. They come to the host through the deploy's envelope, never in an image that others may pull. */
const SECRET_NAME = /^(\.env(\..+)?|id_(rsa|ed25519|ecdsa)|.*\.(pem|key|p12|pfx))$/i;
const PRIVATE_KEY = '-----BEGIN ';
/** A release is small data. What is bigger belongs into an image. */
const MAX_BYTES = 8 * 1024 * 1024;

/** A file of the release image by its place there. */
export interface PackedFile {
  target: string;
  content: Buffer;
  /** Scripts stay executable; apart from that the modes of the checkout do not count. */
  executable: boolean;
}

/**
 * Reads what the sealed compose file refers to, directories with everything below them.
 * @throws Error for a missing file, a symbolic link or another special file, a file that looks like a secret, or too much data
 */
export async function collectFiles(base: string, files: readonly SealedFile[]): Promise<PackedFile[]> {
  const packed: PackedFile[] = [];
  for (const { source, target } of files) await collect(join(base, source), source, target, packed);
  const total = packed.reduce((sum, { content }) => sum + content.length, 0);
  if (total > MAX_BYTES)
    throw new Error(
      `The files that the compose file refers to have ${total} bytes; a release carries at most ${MAX_BYTES}. Put large files into an image`,
    );
  return packed.sort((a, b) => (a.target < b.target ? -1 : 1));
}

async function collect(path: string, source: string, target: string, packed: PackedFile[]): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null) throw new Error(`The compose file refers to "${source}", which is not there`);
  if (found.isDirectory()) {
    for (const name of (await readdir(path)).sort())
      await collect(join(path, name), `${source}/${name}`, `${target}/${name}`, packed);
    return;
  }
  if (!found.isFile())
    throw new Error(
      `The compose file refers to "${source}", which is neither a file nor a directory; links are not followed into a release`,
    );
  const content = found.size > MAX_BYTES ? Buffer.alloc(found.size) : await readFile(path);
  if (
    SECRET_NAME.test(source.split('/').at(-1) ?? '') ||
    (content.includes(PRIVATE_KEY) && /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(content.toString('latin1')))
  ) {
    throw new Error(
      `The compose file refers to "${source}", which looks like a secret. Secrets are not packed into a release: pass them to deploy-release as "secrets"`,
    );
  }
  packed.push({ target, content, executable: (found.mode & 0o100) !== 0 });
}

/** `sha256:<hex>` of each file by its place in the release image. */
export function fileDigests(files: readonly PackedFile[]): Record<string, string> {
  return Object.fromEntries(
    files.map(({ target, content }) => [target, `sha256:${createHash('sha256').update(content).digest('hex')}`]),
  );
}

/** Writes the build context of the release image, with modes that do not depend on the runner's umask. */
export async function writeContext(
  directory: string,
  manifest: string,
  compose: string,
  files: readonly PackedFile[],
): Promise<void> {
  const documents = [
    { target: 'manifest.json', content: Buffer.from(manifest), executable: false },
    { target: 'compose.yaml', content: Buffer.from(compose), executable: false },
  ];
  await mkdir(join(directory, 'files'), { recursive: true });
  for (const { target, content, executable } of [...documents, ...files]) {
    const path = join(directory, target);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await chmod(path, executable ? 0o755 : 0o644);
  }
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), 0o755);
  }
}
