import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInRunner } from './action.ts';
import type { ActionRun, Inputs } from './action.ts';
import { issue } from './certificate.ts';
import { must } from './process.ts';
import type { Built, Stage, Status } from './stage.ts';

/** The fixture app once more on the same host, under a name, a host name, a certificate and a key of its own. */
export class SecondApp {
  readonly name = 'second';
  readonly host = 'second.test';
  private readonly stage: Stage;
  /** Its copy of the fixture in the runner. */
  private readonly workspace = '/tmp/second';

  constructor(stage: Stage) {
    this.stage = stage;
  }

  async provisionInputs(): Promise<Inputs> {
    const key = await this.deployKey();
    const { certificate, key: tlsKey } = await this.certificate();
    return {
      ...this.stage.provisionInputs(),
      app: this.name,
      'deploy-public-key': readFileSync(`${key}.pub`, 'utf8').trim(),
      'tls-certificate': certificate,
      'tls-key': tlsKey,
    };
  }

  async provision(): Promise<ActionRun> {
    const inputs = await this.provisionInputs();
    return runInRunner(this.stage.facts.runner, 'provision-vps', inputs, { timeoutMs: 180_000 });
  }

  /** A release of it that claims this host name. */
  async build(version: string, host = this.host): Promise<Built> {
    const { runner } = this.stage.facts;
    const copy = `rm -rf "$1"; mkdir -p "$1/rehearsal"; cp -r /src/rehearsal/fixture "$1/rehearsal/"; sed -i 's/^  app: fixture$/  app: second/' "$1/rehearsal/fixture/compose.yaml"`;
    await must('docker', ['exec', runner.container, 'sh', '-ec', copy, 'copy', this.workspace]);
    const inputs = this.stage.buildInputs(`second-${version}`, { FIXTURE_HOST: host });
    const ran = await runInRunner(runner, 'build-images', inputs, {
      timeoutMs: 240_000,
      cwd: this.workspace,
      env: {
        GITHUB_WORKSPACE: this.workspace,
        GITHUB_SHA: Buffer.from(version + host)
          .toString('hex')
          .padEnd(40, '0')
          .slice(0, 40),
      },
    });
    if (ran.code !== 0) throw new Error(`build-images ended with ${String(ran.code)}\n${ran.log}`);
    return {
      release: ran.outputs['release'] ?? '',
      releaseId: ran.outputs['release-id'] ?? '',
      images: ran.outputs['images'] ?? '',
      signature: ran.outputs['signature'] ?? '',
    };
  }

  async deploy(built: Built): Promise<ActionRun> {
    const key = readFileSync(await this.deployKey(), 'utf8');
    return this.stage.deployRelease(built.release, { 'ssh-private-key': key });
  }

  /** The launcher from a shell on the host; both streams and the exit code. */
  async launcher(...args: string[]): Promise<{ code: number; text: string }> {
    const ran = await this.stage.vps('/opt/edge/bin/release', this.name, ...args);
    return { code: ran.code ?? -1, text: `${ran.stdout}${ran.stderr}` };
  }

  async status(): Promise<Status> {
    return JSON.parse((await this.launcher('status')).text) as Status;
  }

  private async deployKey(): Promise<string> {
    const file = join(this.stage.facts.directory, 'second_deploy_key');
    if (!existsSync(file)) await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'second', '-f', file]);
    return file;
  }

  private async certificate(): Promise<{ certificate: string; key: string }> {
    const file = join(this.stage.facts.directory, 'second-certificate.json');
    if (!existsSync(file)) {
      writeFileSync(file, JSON.stringify(await issue(this.stage, this.host)), { mode: 0o600 });
    }
    return JSON.parse(readFileSync(file, 'utf8')) as { certificate: string; key: string };
  }
}
