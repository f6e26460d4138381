import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { registryLogin, type InputReader } from '@delivery/runner';
import { readPrivateKey } from '@delivery/trust';

export interface Inputs {
  /** Absolute path of the compose file. */
  composeFile: string;
  /** Values for `${VAR}` in routes, images and build arguments. */
  variables: Record<string, string>;
  /** Host of the registry, with a port where it is not 443. */
  registry: string;
  /** Path below the registry that all images share, such as `owner/repo`. */
  repository: string;
  login: { username: string; password: string } | null;
  /** Version for people; null means the short commit. */
  version: string | null;
  cache: boolean;
  /** How the release is signed: with a key of one's own, or without one by the job's identity; null leaves it unsigned. */
  signing: { key: string; passphrase: string | null } | 'keyless' | null;
  /** Attest what is in every image. */
  sbom: boolean;
  /** Build secret's id -> absolute path of the file that holds it. */
  buildSecrets: Record<string, string>;
}

const REGISTRY = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$/;
const PATH = /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;
const SECRET_ID = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/** Reads and checks every input; nothing is built or sent before all of them are right. */
export function readBuildInputs(input: InputReader, workspace: string): Inputs {
  const ownRepository = (process.env['GITHUB_REPOSITORY'] ?? '').toLowerCase();
  const composeFile = resolve(workspace, input.path('compose-file', 'compose.yaml'));
  if (!isFile(composeFile))
    input.reject(
      'compose-file',
      `no file ${JSON.stringify(composeFile)}`,
      'a compose file of the repository that is checked out',
    );
  const signed = signing(input);
  return {
    composeFile,
    variables: input.pairs('variables'),
    registry: input.text('registry', {
      pattern: REGISTRY,
      allowed: 'a host name with an optional port, in lower case, without scheme and path',
    }),
    // GitHub keeps the case of owner and repository names, registries do not take it; what a user writes is not changed.
    repository: input.text('repository', {
      ...(ownRepository === '' ? {} : { fallback: ownRepository }),
      pattern: PATH,
      allowed: 'a path such as owner/repo: a-z, 0-9, ".", "_", "-" and "/"',
    }),
    login: registryLogin(input),
    version: input.optional('version', {
      pattern: /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/,
      allowed: 'letters, digits, ".", "_", "+" and "-", at most 128 characters',
    }),
    cache: input.bool('cache', true),
    signing: signed,
    sbom: sbom(input, signed),
    buildSecrets: buildSecrets(input, workspace),
  };
}

function signing(input: InputReader): Inputs['signing'] {
  const key = input.block('signing-key', { fallback: '', secret: true });
  const passphrase = input.secret('signing-key-passphrase');
  const keyless = input.bool('keyless', false);
  if (key !== '' && keyless) input.reject('keyless', 'true beside a "signing-key"', 'one of the two');
  if (key === '' && passphrase !== null)
    input.reject('signing-key', 'nothing', 'the key that "signing-key-passphrase" opens');
  if (keyless && (process.env['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? '') === '')
    input.reject(
      'keyless',
      'true in a job without an identity token',
      'a job of GitHub with "permissions: id-token: write"',
    );
  if (key === '') return keyless ? 'keyless' : null;
  try {
    readPrivateKey('signing-key', key, passphrase);
  } catch (error) {
    input.reject(
      'signing-key',
      (error as Error).message.replace(/^signing-key: /, 'a key that '),
      'a private key of ECDSA P-256, PEM',
    );
  }
  return { key, passphrase };
}

function sbom(input: InputReader, signed: Inputs['signing']): boolean {
  const wanted = input.bool('sbom', false);
  if (wanted && signed === null)
    input.reject(
      'sbom',
      'true without "signing-key" and "keyless"',
      'true in a build that signs: unsigned it would attest nothing',
    );
  return wanted;
}

function buildSecrets(input: InputReader, workspace: string): Record<string, string> {
  const given = input.pairs('build-secrets', {
    pattern: SECRET_ID,
    allowedName: 'ids of letters, digits, "_", "." and "-"',
  });
  const paths: Record<string, string> = {};
  for (const [id, path] of Object.entries(given)) {
    const file = resolve(workspace, path);
    if (/[,"\p{Cc}]/u.test(file))
      input.reject(
        'build-secrets',
        `a path with a comma, a quote or a control character for "${id}"`,
        'lines of id=path',
      );
    else if (!isFile(file))
      input.reject(
        'build-secrets',
        `no file ${JSON.stringify(file)} for "${id}"`,
        'lines of id=path, each path a file on the runner',
      );
    paths[id] = file;
  }
  return paths;
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
