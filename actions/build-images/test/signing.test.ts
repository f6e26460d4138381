import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { readInputs } from '@delivery/runner';
import { readBuildInputs, type Inputs } from '../src/inputs.ts';
import { describeBuild, openSigning } from '../src/signing.ts';

const key = (curve = 'P-256'): string =>
  String(generateKeyPairSync('ec', { namedCurve: curve }).privateKey.export({ type: 'pkcs8', format: 'pem' }));
const given: string[] = [];
const root = new URL('../../..', import.meta.url).pathname;

function read(inputs: Record<string, string>): Inputs {
  for (const [name, value] of Object.entries({
    'compose-file': 'rehearsal/fixture/compose.yaml',
    registry: 'registry.test',
    repository: 'o/r',
    ...{ 'signing-key': '', 'signing-key-passphrase': '', keyless: '', sbom: '' },
    ...inputs,
  })) {
    const variable = `INPUT_${name.toUpperCase()}`;
    process.env[variable] = value;
    given.push(variable);
  }
  return readInputs((input) => readBuildInputs(input, root));
}
let printed: string;
beforeEach(() => {
  printed = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  delete process.env['ACTIONS_ID_TOKEN_REQUEST_URL'];
});
afterEach(() => {
  jest.restoreAllMocks();
  for (const name of given.splice(0)) delete process.env[name];
});

describe('a build', () => {
  it('is not signed without a key, and says so', async () => {
    const inputs = read({});
    expect(inputs.signing).toBeNull();
    expect(await openSigning(inputs)).toBeNull();
    expect(printed).toContain('not signed');
  });

  it('is signed with a key, which is masked', async () => {
    const pem = key();
    expect(await openSigning(read({ 'signing-key': pem }))).toBeInstanceOf(Function);
    expect(printed).toContain(`::add-mask::${pem.split('\n')[1] ?? ''}`);
  });

  it('refuses by name what cannot sign', () => {
    expect(() => read({ 'signing-key': key('P-384') })).toThrow(/"signing-key".*secp384r1/);
    expect(() => read({ 'signing-key': 'nonsense' })).toThrow(/"signing-key"/);
    expect(() => read({ 'signing-key-passphrase': 'x' })).toThrow(/"signing-key": found nothing/);
    expect(() => read({ keyless: 'true' })).toThrow(/"keyless".*id-token: write/);
    process.env['ACTIONS_ID_TOKEN_REQUEST_URL'] = 'https://token.test';
    expect(() => read({ keyless: 'true', 'signing-key': key() })).toThrow(/"keyless".*one of the two/);
    expect(read({ keyless: 'true', 'signing-key': '' }).signing).toBe('keyless');
  });

  it('attests what is in its images only when it signs', () => {
    expect(() => read({ sbom: 'true' })).toThrow(/"sbom".*a build that signs/);
    expect(read({ sbom: 'true', 'signing-key': key() }).sbom).toBe(true);
  });

  it('says where it ran: the workflow that was started, at its ref', () => {
    const source = { commit: 'a'.repeat(40), committed: '', repository: 'https://github.com/o/r' };
    const env = {
      GITHUB_RUN_ID: '7',
      GITHUB_RUN_ATTEMPT: '2',
      GITHUB_EVENT_NAME: 'push',
      GITHUB_REF: 'refs/heads/other',
      GITHUB_WORKFLOW_REF: 'o/r/.github/workflows/deploy.yml@refs/heads/main',
    };
    expect(describeBuild(source, env)).toEqual({
      repository: 'https://github.com/o/r',
      workflow: '.github/workflows/deploy.yml',
      ref: 'refs/heads/main',
      commit: 'a'.repeat(40),
      run: 'https://github.com/o/r/actions/runs/7/attempts/2',
      event: 'push',
    });
    expect(describeBuild(source, { GITHUB_REF: 'refs/heads/main' })).toMatchObject({
      workflow: '',
      ref: 'refs/heads/main',
      run: '',
    });
  });
});
