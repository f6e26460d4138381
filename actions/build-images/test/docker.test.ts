import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { dockerPush } from '../src/docker.ts';

let directory: string;
const path = process.env['PATH'] ?? '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'docker-'));
  process.env['PATH'] = `${directory}${delimiter}${path}`;
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(() => {
  process.env['PATH'] = path;
  rmSync(directory, { recursive: true, force: true });
  jest.restoreAllMocks();
});

/** A docker client that ends with this line on standard error, the given number of times, and well after that. */
function clientThatSays(line: string, times: number): () => number {
  const count = join(directory, 'count');
  writeFileSync(count, '');
  const script = `#!/bin/sh\nprintf x >>'${count}'\n[ "$(wc -c <'${count}')" -gt ${String(times)} ] && exit 0\ncat >&2 <<'SAID'\n#1 DONE\n${line}\nSAID\nexit 1\n`;
  writeFileSync(join(directory, 'docker'), script, { mode: 0o755 });
  return () => readFileSync(count, 'utf8').length;
}

const pauses = [0.01, 0.01];

describe('a push', () => {
  it.each([
    'ERROR: unexpected status from HEAD request to https://registry.test:5000/v2/shop/manifests/one: 500 Internal Server Error',
    'ERROR: failed to solve: failed to push registry.test/shop:one: unexpected status from PUT request to https://registry.test/v2/x: 429 Too Many Requests',
    'ERROR: failed to push registry.test/shop:one: read tcp 10.0.0.1:1->10.0.0.2:443: read: connection reset by peer',
  ])('is tried again where the trouble may pass: %s', async (line) => {
    const tries = clientThatSays(line, 2);
    expect(await dockerPush(['buildx'], {}, pauses)).toMatchObject({ code: 0, lines: [] });
    expect(tries()).toBe(3);
  });

  it('ends after three tries, with what the last one said', async () => {
    const line = 'ERROR: unexpected status from HEAD request to https://registry.test/v2/: 503 Service Unavailable';
    const tries = clientThatSays(line, 9);
    expect(await dockerPush(['buildx'], {}, pauses)).toMatchObject({ code: 1, lines: ['#1 DONE', line] });
    expect(tries()).toBe(3);
  });

  it.each([
    'ERROR: failed to solve: process "/bin/sh -c npm run build" did not complete successfully: exit code: 500',
    'ERROR: unexpected status from HEAD request to https://registry.test/v2/shop/manifests/one: 401 Unauthorized',
    'fetch failed: connection reset by peer',
  ])('is not tried again where it is no trouble of the registry that may pass: %s', async (line) => {
    const tries = clientThatSays(line, 9);
    expect((await dockerPush(['buildx'], {}, pauses)).code).toBe(1);
    expect(tries()).toBe(1);
  });
});
