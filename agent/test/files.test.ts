import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const SOURCE = join(import.meta.dirname, '../src');
/** What a process may write to one file, 512-byte blocks: the write that crosses it is cut short, as on a disk that fills up. */
const BLOCKS = 16;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'agent-files-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function withLittleRoom(code: string): string {
  const limited = `ulimit -f ${String(BLOCKS)}; exec "$0" --input-type=module-typescript --eval "$1"`;
  return spawnSync('sh', ['-c', limited, process.execPath, code], { cwd: directory, encoding: 'utf8' }).stderr;
}

describe('a write that does not fit', () => {
  it('throws, leaves the file of before in place and nothing beside it', () => {
    const said = withLittleRoom(`
      import { writeAtomically } from '${SOURCE}/files.ts';
      writeAtomically('state', 'before');
      writeAtomically('state', 'x'.repeat(100_000));
    `);
    expect(said).toContain('EFBIG');
    expect(readFileSync(join(directory, 'state'), 'utf8')).toBe('before');
    expect(readdirSync(directory)).toEqual(['state']);
  });

  it('throws on a ledger line too, and cuts the part of it off again', () => {
    const said = withLittleRoom(`
      import { appendLedger } from '${SOURCE}/steps/record.ts';
      import { hostPaths } from '${SOURCE}/paths.ts';
      const entry = { t: '2026-01-01T00:00:00Z', verb: 'deploy', outcome: 'refused', release: null, digest: null, colour: null,
        previous: null, generation: 0, actor: '', run: '', operation: 'op', secrets: {}, durationMs: 1 } as const;
      const paths = hostPaths('shop', process.cwd());
      appendLedger(paths, entry);
      appendLedger(paths, { ...entry, actor: 'x'.repeat(100_000) });
    `);
    expect(said).toContain('EFBIG');
    const ledger = join(directory, 'shop/ledger.jsonl');
    expect(existsSync(ledger)).toBe(true);
    expect(readFileSync(ledger, 'utf8').trimEnd().split('\n')).toHaveLength(1);
    expect(readFileSync(ledger, 'utf8').endsWith('\n')).toBe(true);
  });
});
