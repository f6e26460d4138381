// Builds the agent's image, pushes it and writes `image=<repository>@sha256:<digest>` to the step's outputs. Reads everything from the environment:
// REGISTRY, REPOSITORY, REGISTRY_USERNAME, REGISTRY_PASSWORD, BUILD_SECRETS (lines of id=path), and GITHUB_SHA, GITHUB_OUTPUT, RUNNER_TEMP as a runner has them.
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

function need(name: string, pattern: RegExp): string {
  const value = process.env[name] ?? '';
  if (!pattern.test(value)) throw new Error(`${name} is missing or malformed; expected ${pattern.source}`);
  return value;
}

function docker(config: string, argv: string[], input = ''): void {
  const { status, error } = spawnSync('docker', ['--config', config, ...argv], {
    input,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  if (error) throw new Error(`docker could not be started: ${error.message}`);
  if (status !== 0) throw new Error(`docker ${argv.slice(0, 2).join(' ')} failed with code ${status}`);
}

/** `--secret` flags for lines of id=path; the files are read by the builder and end up in no layer. */
function secretFlags(lines: string): string[] {
  const used = lines.split('\n').filter((line) => line.trim() !== '');
  return used.flatMap((line) => {
    const [, id, path] = /^([\w.-]+)=([^,"]+)$/.exec(line.trim()) ?? [];
    if (id === undefined || path === undefined) throw new Error('BUILD_SECRETS: lines of id=path expected');
    return ['--secret', `id=${id},src=${path}`];
  });
}

const registry = need('REGISTRY', /^[A-Za-z0-9.-]+(:\d{1,5})?$/);
const repository = need('REPOSITORY', /^[A-Za-z0-9._/-]+$/).toLowerCase();
const commit = need('GITHUB_SHA', /^[0-9a-f]{40}$/);
const output = need('GITHUB_OUTPUT', /./);
const secrets = secretFlags(process.env['BUILD_SECRETS'] ?? '');
const image = `${registry}/${repository}/agent`;

// A client configuration of its own: the password must not stay on a runner that others use.
const scratch = mkdtempSync(join(process.env['RUNNER_TEMP'] || tmpdir(), 'agent-'));
try {
  const password = process.env['REGISTRY_PASSWORD'] ?? '';
  if (password !== '') {
    const username = need('REGISTRY_USERNAME', /^[^\s-][^\s]*$/);
    docker(scratch, ['login', '--username', username, '--password-stdin', registry], password);
  }
  const metadata = join(scratch, 'metadata.json');
  docker(scratch, [
    ...[
      'buildx',
      'build',
      '--progress',
      'plain',
      '--push',
      '--provenance=false',
      '--metadata-file',
      metadata,
      '--tag',
      `${image}:${commit.slice(0, 12)}`,
    ],
    ...secrets,
    resolve(import.meta.dirname, '../agent'),
  ]);
  const digest: unknown = JSON.parse(readFileSync(metadata, 'utf8'))['containerimage.digest'];
  if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest))
    throw new Error('buildx reported no digest of what it pushed');
  appendFileSync(output, `image=${image}@${digest}\n`);
  console.log(`${image}@${digest}`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
