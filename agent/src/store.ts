import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseManifest } from '@delivery/release';
import type { Manifest } from '@delivery/release';
import { readIfThere, writeAtomically } from './files.ts';
import { releaseDirectory } from './paths.ts';
import type { Paths } from './paths.ts';

/** Beside the files of a release; the release image itself cannot hold it. */
const SIGNATURE = 'signature.sigstore.json';

/** A sealed release as the host keeps it: all that it takes to run it again, images aside. */
export interface StoredRelease {
  manifest: Manifest;
  digest: string;
  /** The sealed compose text. */
  sealed: string;
  /** manifest.json as it was signed. */
  manifestText: string;
  /** The sigstore bundle that came with it; null where it was deployed without one. */
  signature: string | null;
}

/** A release kept on this host, or null where it (or a part of it) is not here. Throws on a manifest that does not parse. */
export function readRelease(paths: Paths, release: string): StoredRelease | null {
  const directory = releaseDirectory(paths, release);
  const [manifest, digest, sealed] = ['manifest.json', 'digest', 'compose.yaml'].map(
    (name) => readIfThere(join(directory, name)) ?? '',
  );
  if (!manifest || !digest || !sealed) return null;
  const signature = readIfThere(join(directory, SIGNATURE));
  return { manifest: parseManifest(manifest), digest: digest.trim(), sealed, manifestText: manifest, signature };
}

/**
 * Writes the files of a release image and its signature; `files` are relative paths as in the image. The digest comes last: it makes the
 * release whole.
 */
export function writeRelease(
  paths: Paths,
  release: string,
  digest: string,
  files: ReadonlyMap<string, Buffer>,
  signature: string | null = null,
): void {
  const directory = releaseDirectory(paths, release);
  for (const [path, content] of files) {
    const target = join(directory, path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    writeAtomically(target, content);
  }
  if (signature !== null) writeAtomically(join(directory, SIGNATURE), signature);
  writeAtomically(join(directory, 'digest'), `${digest}\n`);
}

/** The files and the signature of the kept release that came from this image; null where none did or a file of it is gone. */
export function readReleaseOf(
  paths: Paths,
  digest: string,
): { files: Map<string, Buffer>; signature: string | null } | null {
  const release = storedReleases(paths).find(
    (name) => readIfThere(join(releaseDirectory(paths, name), 'digest'))?.trim() === digest,
  );
  const stored = release === undefined ? null : readRelease(paths, release);
  if (release === undefined || stored === null) return null;
  const files = new Map([['manifest.json', Buffer.from(stored.manifestText)]]);
  try {
    for (const path of Object.keys(stored.manifest.files))
      files.set(path, readFileSync(join(releaseDirectory(paths, release), path)));
  } catch {
    return null;
  }
  return { files, signature: stored.signature };
}

export function storedReleases(paths: Paths): string[] {
  try {
    return readdirSync(paths.releases);
  } catch {
    return [];
  }
}

/** The manifests of the releases kept on this host, by release id. */
export function storedManifests(paths: Paths): Map<string, Manifest> {
  return new Map(
    storedReleases(paths).flatMap((release) => {
      const stored = readRelease(paths, release);
      return stored === null ? [] : [[release, stored.manifest] as const];
    }),
  );
}

export function forgetRelease(paths: Paths, release: string): void {
  rmSync(releaseDirectory(paths, release), { recursive: true, force: true });
}
