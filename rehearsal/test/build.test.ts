import { beforeAll, describe, expect, it } from '@jest/globals';
import { runInRunner } from './action.ts';
import { errorLine, expectCode } from './expect.ts';
import { must } from './process.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();
const { runner } = stage.facts;
/** Compose files of their own, inside the runner only. */
const WORK = '/tmp/compose-cases';

async function project(name: string, compose: string): Promise<string> {
  await must('docker', [
    'exec',
    runner.container,
    'sh',
    '-ec',
    'mkdir -p "$1"; cp "$2"/rehearsal/fixture/* "$1"/',
    'project',
    `${WORK}/${name}`,
    runner.root,
  ]);
  await must(
    'docker',
    ['exec', '-i', runner.container, 'sh', '-ec', 'cat > "$1"', 'project', `${WORK}/${name}/compose.yaml`],
    { input: compose },
  );
  return `${name}/compose.yaml`;
}

const inWork = { cwd: WORK, env: { GITHUB_WORKSPACE: WORK }, timeoutMs: 240_000 };
const WEB = `x-release: {role: web, port: 3000, routes: [{host: fixture.test}]}`;

describe('build-images', () => {
  it('seals a release by digest under the registry and the repository', async () => {
    const built = await stage.built('v1');
    expect(built.release).toMatch(
      new RegExp(`^${stage.facts.registry.host.replaceAll('.', '\\.')}/example/fixture/[a-z-]+@sha256:[0-9a-f]{64}$`),
    );
    expect(built.releaseId).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{7}$/);
    expect(JSON.stringify(JSON.parse(built.images))).toMatch(/@sha256:[0-9a-f]{64}/);
  }, 300_000);

  it('says which registry refused the login', async () => {
    const inputs = { ...stage.buildInputs('denied', {}), 'registry-password': 'wrong-CANARYPASSWORD' };
    const ran = await runInRunner(runner, 'build-images', inputs, { timeoutMs: 120_000 });
    expectCode(ran, 1);
    expect(errorLine(ran)).toContain(stage.facts.registry.host);
    expect(errorLine(ran)).toMatch(/refused|denied|unauthori[sz]ed|login/i);
    expect(ran.log).not.toContain('CANARYPASSWORD');
  }, 150_000);

  describe('compose files', () => {
    beforeAll(async () => {
      await must('docker', ['exec', runner.container, 'mkdir', '-p', WORK]);
    });

    it.each([
      ['no extension at the top', `services:\n  web:\n    build: .\n    ${WEB}\n`, /x-release/],
      [
        'a service without the extension',
        'x-release: {app: fixture}\nservices:\n  web:\n    build: .\n',
        /web.*x-release|x-release.*web/,
      ],
      [
        'an unknown key in the extension',
        `x-release: {app: fixture}\nservices:\n  web:\n    build: .\n    ${WEB.replace('port: 3000', 'port: 3000, prot: 1')}\n`,
        /prot/,
      ],
      [
        'an unknown role',
        `x-release: {app: fixture}\nservices:\n  web:\n    build: .\n    x-release: {role: website}\n`,
        /role/,
      ],
      ['no YAML at all', 'services: [\n', /compose file: line 2/],
    ])(
      '%s is refused by name',
      async (name, compose, named) => {
        const file = await project(name.replaceAll(' ', '-'), compose);
        const ran = await runInRunner(
          runner,
          'build-images',
          { ...stage.buildInputs('case', {}), 'compose-file': file },
          inWork,
        );
        expectCode(ran, 1);
        expect(errorLine(ran)).toMatch(named);
        expect(ran.wallMs).toBeLessThan(20_000);
      },
      60_000,
    );

    it('builds with an unset ${VAR:?} in the environment and an absent env_file', async () => {
      const compose = `x-release: {app: fixture}
services:
  web:
    build: {context: ., args: {VERSION: envless, BOOT_SECONDS: '2'}}
    env_file: [not-there.env]
    environment: {APP_KEY: '\${NEVER_SET:?is not set on a runner}'}
    ${WEB}
`;
      const file = await project('envless', compose);
      const ran = await runInRunner(
        runner,
        'build-images',
        { ...stage.buildInputs('envless', {}), 'compose-file': file },
        inWork,
      );
      expectCode(ran, 0);
      expect(ran.outputs['release']).toMatch(/@sha256:[0-9a-f]{64}$/);
    }, 300_000);
  });
});
