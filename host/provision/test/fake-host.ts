import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { parseLine, renderScript, type ScriptMode } from '../script.ts';
import type { Task } from '../task.ts';

const me = `${userInfo().username}:${spawnSync('id', ['-gn'], { encoding: 'utf8' }).stdout.trim()}`;

/** A directory that stands for a host: its paths are moved into it, and programs that would touch this machine are stand-ins. */
export class FakeHost {
  readonly root = mkdtempSync(join(tmpdir(), 'fake-host-'));

  /** A program in front of PATH; it writes down how it was called, then runs `body`. */
  program(name: string, body = ''): void {
    this.write(`bin/${name}`, `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>${this.root}/calls\n${body}\n`);
    chmodSync(join(this.root, 'bin', name), 0o755);
  }

  write(path: string, content: string, mode = 0o644): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  /** How the stand-ins were called since the last time, one line each. */
  calls(): string[] {
    const file = join(this.root, 'calls');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    rmSync(file);
    return lines;
  }

  /** Runs tasks with each of `paths` moved below this host's directory; one line `id status message` per task. */
  run(
    tasks: readonly Task[],
    paths: readonly string[],
    mode: ScriptMode = 'apply',
    operationWait: number | undefined = undefined,
  ): string[] {
    const moved = (text: string): string =>
      paths.reduce((moving, path) => moving.replaceAll(path, `${this.root}${path}`), text).replaceAll('root:root', me);
    const script = renderScript(
      tasks.map((task) => ({ ...task, check: moved(task.check), apply: moved(task.apply) })),
      'true',
      { mode, memory: this.root, ...(operationWait === undefined ? {} : { operationWait }) },
    ).replace('export PATH=', `export PATH=${this.root}/bin:`);
    const { stdout } = spawnSync('sh', ['-s'], { input: script, encoding: 'utf8' });
    return stdout.split('\n').flatMap((text) => {
      const line = parseLine(text);
      return line?.kind === 'task' ? [`${line.id} ${line.status} ${line.message}`.trim()] : [];
    });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
