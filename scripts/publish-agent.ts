// Builds the agent's image, pushes it and writes `image=<repository>@sha256:<digest>` to the step's outputs. Reads everything from the environment:
// REGISTRY, REPOSITORY, REGISTRY_USERNAME, REGISTRY_PASSWORD, BUILD_SECRETS (lines of id=path), SIGNING_KEY, SIGNING_KEY_PASSPHRASE, KEYLESS (true), and GITHUB_SHA, GITHUB_OUTPUT, RUNNER_TEMP as a runner has them.
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { BUNDLE_FILE, parseWorkflowRef, provenance, signatureTag } from '@delivery/trust';
import { readPrivateKey, signKeyless, signWithKey } from '@delivery/trust/sign';
import type { Sign } from '@delivery/trust/sign';

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

/** Signs the image, so that the agent of before accepts it as its successor, and pushes the bundle under our tag beside it. */
async function signAgent(digest: string): Promise<void> {
  const sign = signing();
  if (sign === null) {
    console.log(
      '::warning::The agent is not signed: a server that asks for signatures keeps the one it has. Set SIGNING_KEY or KEYLESS',
    );
    return;
  }
  const server = process.env['GITHUB_SERVER_URL'] || 'https://github.com';
  const source = parseWorkflowRef(process.env['GITHUB_WORKFLOW_REF'] ?? '');
  const statement = provenance({ kind: 'agent', app: '', release: '' }, [{ name: image, digest }], {
    repository: `${server}/${process.env['GITHUB_REPOSITORY'] ?? repository}`,
    workflow: source?.workflow ?? '',
    ref: source?.ref ?? process.env['GITHUB_REF'] ?? '',
    commit,
    run: process.env['GITHUB_RUN_ID'] ?? '',
    event: process.env['GITHUB_EVENT_NAME'] ?? '',
  });
  const context = join(scratch, 'signature');
  mkdirSync(context);
  writeFileSync(join(context, BUNDLE_FILE), await sign(statement));
  const dockerfile = join(scratch, 'signature.Dockerfile');
  writeFileSync(dockerfile, 'FROM scratch\nCOPY . /\n');
  docker(scratch, [
    ...['buildx', 'build', '--progress', 'plain', '--push', '--provenance=false', '--file', dockerfile],
    ...['--tag', `${image}:${signatureTag(digest)}`, context],
  ]);
}

function signing(): Sign | null {
  if (process.env['KEYLESS'] === 'true') return signKeyless();
  const key = process.env['SIGNING_KEY'] ?? '';
  return key === ''
    ? null
    : signWithKey(readPrivateKey('SIGNING_KEY', key, process.env['SIGNING_KEY_PASSPHRASE'] || null));
}

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
  await signAgent(digest);
  appendFileSync(output, `image=${image}@${digest}\n`);
  console.log(`${image}@${digest}`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
