import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');

describe('the licences beside a bundle', () => {
  it.each([
    ['agent', ['zod', 'undici', 'yaml', 'tar-stream', '@sigstore/core']],
    ['actions/build-images', ['@actions/core', '@actions/cache', 'undici', 'zod', '@sigstore/sign']],
    ['actions/provision-vps', ['@actions/core', 'node-ssh', 'ssh2', 'zod']],
    ['actions/deploy-release', ['@actions/core', '@actions/github', '@octokit/core', 'node-ssh', 'ssh2', 'zod']],
    ['actions/rollback', ['@actions/core', 'node-ssh', 'ssh2', 'zod']],
    ['actions/verify-health', ['@actions/core', 'undici']],
  ])('of %s are those of every file of it, each with its text', (bundle, names) => {
    const text = readFileSync(resolve(root, bundle, 'dist/licenses.txt'), 'utf8');
    for (const name of names) expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\\S*\\n.+\\n.{3,}`, 'm'));
  });
});
