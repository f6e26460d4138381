import { checkDocument, ContractError, SignaturePolicySchema, TrustedSourceSchema } from '@delivery/release';
import type { SignaturePolicy, TrustedSource } from '@delivery/release';
import type { InputReader } from '@delivery/runner';
import { parseWorkflowRef, readPublicKey } from '@delivery/trust';

/** Who vouches for workflows of GitHub. */
const ISSUER = 'https://token.actions.githubusercontent.com';
const SOURCE_FORM =
  'lines of <owner>/<repository>/<workflow file>@<ref>, such as owner/repo/.github/workflows/deploy.yml@refs/heads/main; * stands for any characters of workflow and ref';

/** The inputs signing-*: null where none is given. Everything that is wrong is noted on `input`. */
export function readSignatures(input: InputReader, repository: string | null): SignaturePolicy | null {
  const keys = publicKeys(input);
  const sources = identities(input);
  const trustedRoot = root(input);
  if (keys.length === 0 && sources.length === 0 && trustedRoot === null) return null;
  if (repository === null)
    input.reject(
      'repository',
      'nothing',
      'the one place that signed releases come from, where a signing input is given',
    );
  if (keys.length === 0 && trustedRoot === null)
    input.reject(
      'signing-identity',
      'no key and no root beside it',
      'together with "signing-public-key" or "signing-trusted-root"',
    );
  if (trustedRoot !== null && sources.length === 0)
    input.reject(
      'signing-identity',
      'nothing',
      `${SOURCE_FORM}; needed with "signing-trusted-root", which vouches for everybody's workflows`,
    );
  const policy = {
    format: 1 as const,
    keys,
    sources,
    keyless: trustedRoot === null ? null : { issuer: ISSUER, trustedRoot },
  };
  if (input.problems.length === 0) checkDocument('policy', SignaturePolicySchema, policy);
  return policy;
}

function publicKeys(input: InputReader): string[] {
  const name = 'signing-public-key';
  const text = input.block(name, { fallback: '' }).replace(/\r\n/g, '\n');
  const blocks = text.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----/g) ?? [];
  if (text.trim() !== '' && blocks.length === 0)
    input.reject(name, 'text without a PEM block', 'one or more public keys of ECDSA P-256, PEM');
  return blocks.flatMap((pem) => {
    try {
      return [readPublicKey(name, pem).export({ type: 'spki', format: 'pem' }).toString()];
    } catch (error) {
      const found =
        error instanceof ContractError ? error.message.replace(`${name}: `, 'something that ') : 'something else';
      input.reject(name, found, 'public keys of ECDSA P-256, PEM');
      return [];
    }
  });
}

function identities(input: InputReader): TrustedSource[] {
  const name = 'signing-identity';
  const server = process.env['GITHUB_SERVER_URL'] || 'https://github.com';
  const lines = input
    .block(name, { fallback: '' })
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.flatMap((line) => {
    const found = parseWorkflowRef(line);
    const source = found === null ? null : { ...found, repository: `${server}/${found.repository}` };
    if (source !== null && TrustedSourceSchema.safeParse(source).success) return [source];
    input.reject(name, JSON.stringify(line.slice(0, 120)), SOURCE_FORM);
    return [];
  });
}

function root(input: InputReader): Record<string, unknown> | null {
  const name = 'signing-trusted-root';
  const text = input.block(name, { fallback: '', maxLength: 200_000 });
  if (text === '') return null;
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    if (Array.isArray(value['certificateAuthorities'])) return value;
  } catch {
    // named below
  }
  input.reject(name, 'something else', "sigstore's TrustedRoot document as JSON, with certificateAuthorities");
  return null;
}
