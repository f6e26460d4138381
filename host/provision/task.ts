import { dirname } from 'node:path/posix';
import { decoded, quote, sha256 } from './shell.ts';

/** One thing that a prepared host has: how to see that it is so, how to make it so, and why it should be so. */
export interface Task {
  /** Lower-case letters, digits and underscores: also the name of a shell function. */
  id: string;
  reason: string;
  /** Where the rule comes from: a benchmark's number, a manual's page, or this project's own design. */
  source: string;
  /** Body of a shell function. Ends with 0 when nothing is to be done, with 77 where the task does not apply. Changes nothing. */
  check: string;
  /** Body of a shell function, run under `set -e` when the check fails. */
  apply: string;
  /** The command that shows the setting, for docs/hardening.md. */
  show?: string;
  /** Only checked among the other tasks; a script of its own applies it once something else was proven. */
  deferred?: boolean;
}

export interface FileSpec {
  id: string;
  reason: string;
  source: string;
  path: string;
  /** Octal without a leading zero, as `stat -c %a` prints it. */
  mode: string;
  owner?: string;
  content: string;
  /** Its directory may not be there: no package has brought it yet. */
  makeDirectory?: true;
  /** Shell to run after the file was written. */
  then?: string;
  /** Where the file's text is not what shows the setting. */
  show?: string;
}

/** A file with exactly this content, mode and owner, replaced in one step. */
export function fileTask(spec: FileSpec): Task {
  const { id, reason, source, path, mode, owner = 'root:root', content, then = '', show = `cat ${path}` } = spec;
  const directory = spec.makeDirectory === true ? `mkdir -p ${quote(dirname(path))}\n` : '';
  return {
    id,
    reason,
    source,
    show,
    check: `same ${quote(path)} ${sha256(content)} ${mode} ${owner}`,
    apply: `${directory}${placed(path, mode, owner, content)}${then}`,
  };
}

/** Shell that writes a file; stands on lines of its own. */
export function placed(path: string, mode: string, owner: string, content: string): string {
  return placedAt(quote(path), mode, owner, content);
}

/** The same for a path that the shell is to work out, such as `"$work/x"`. */
export function placedAt(path: string, mode: string, owner: string, content: string): string {
  return `{ ${decoded(content)}} | put ${path} ${mode} ${owner}\n`;
}

export interface DirectorySpec {
  path: string;
  /** As in FileSpec. */
  mode: string;
  owner?: string;
}

/** Directories with these modes and owners, parents first. */
export function directoriesTask(
  { id, reason, source }: Pick<Task, 'id' | 'reason' | 'source'>,
  directories: readonly DirectorySpec[],
): Task {
  const each = (command: string, join: string): string =>
    directories.map(({ path, mode, owner = 'root:root' }) => `${command} ${quote(path)} ${mode} ${owner}`).join(join);
  const show = `stat -c '%a %U:%G %n' ${directories.map(({ path }) => path).join(' ')}`;
  return { id, reason, source, show, check: each('is_directory', ' &&\n'), apply: each('directory', '\n') };
}
