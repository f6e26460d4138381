import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fetch } from 'undici';
import type { Report } from '../load/report.ts';
import { agentFor, makeTarget } from '../load/target.ts';
import { SOURCE } from '../hosts/signing.ts';
import type { SigningKey } from '../hosts/signing.ts';
import { ROOT, runInRunner, startInRunner } from './action.ts';
import type { ActionRun, Inputs, RunnerHost, RunOptions, Started } from './action.ts';
import { must, run } from './process.ts';
import type { Ran } from './process.ts';

/** What the shared test hosts of one run of the suite are called and how they are reached; written by the global set-up. */
export interface StageFacts {
  /** directory outside the tree for keys, certificates and remembered results */
  directory: string;
  runner: RunnerHost;
  vps: {
    container: string;
    /** name and port of sshd as the runner sees it */
    host: string;
    port: number;
    /** the same on 127.0.0.1 of this machine */
    sshPort: number;
    httpsPort: number;
    knownHosts: string;
    adminKey: string;
  };
  registry: { container: string; host: string; username: string; password: string };
  tls: { ca: string; certificate: string; key: string };
  /** private and public deploy key */
  deployKey: { private: string; public: string };
  /** what releases and agents are signed with; the VPS asks for it */
  signingKey: SigningKey;
  images: { agent: string; edge: string };
}

export const HOST = 'fixture.test';
export const APP_KEY = 'p$a"s\'s #w\\ö=${X}{{.}}';

/** Release variants of the fixture app: what is baked in by build arguments. */
export const VARIANTS = {
  v1: {},
  v2: {},
  v3: {},
  crash: { SICK: 'crash' },
  hang: { SICK: 'hang' },
  lie: { SICK: 'lie-release' },
  html: { SICK: 'html' },
  flap: { SICK: 'flap' },
  unhealthy: { SICK: 'unhealthy' },
  shy: { SICK: 'edge-shy' },
  late: { SICK: 'late-crash' },
  drops: { SICK: 'drops' },
  slow: { SICK: 'slow' },
  deaf: { SICK: 'ignore-sigterm' },
  big: { LAYER_MB: '5' },
} as const satisfies Record<string, Record<string, string>>;
export type Variant = keyof typeof VARIANTS;

export interface Built {
  release: string;
  releaseId: string;
  images: string;
  /** Where its signature lies; '' where it is not signed. */
  signature: string;
}

/** What the launcher's `status` says, as far as the tests look at it. */
export interface Status {
  v: number;
  app: string;
  running: { release: string; digest: string; colour: string } | null;
  previous: { release: string; digest: string; colour: string } | null;
  operation: { id: string; verb: string; actor: string; startedAt: string } | null;
  ledger: {
    verb: string;
    outcome: string;
    release: string;
    previous: string | null;
    operation: string;
    rotated?: boolean;
    error?: { step: string; code: string; message: string } | null;
  }[];
  releases?: { release: string; images: 'here' | 'gone' }[];
  notes?: string[];
}

export interface RunningLoad {
  /** Ends the load and waits for what is in flight. */
  stop: () => Promise<Report>;
}

export class Stage {
  readonly facts: StageFacts;

  constructor(facts: StageFacts) {
    this.facts = facts;
  }

  /** The stage that the global set-up raised. */
  static open(): Stage {
    const file = process.env['STAGE_FILE'];
    if (file === undefined) throw new Error('no stage: run these tests with jest --selectProjects process');
    return new Stage(JSON.parse(readFileSync(file, 'utf8')) as StageFacts);
  }

  /** Runs `work` once per suite and remembers what it gave, so that every test file may ask for it first. */
  async once<T>(name: string, work: () => Promise<T>): Promise<T> {
    const file = join(this.facts.directory, `once-${name}.json`);
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as T;
    const value = await work();
    mkdirSync(this.facts.directory, { recursive: true });
    writeFileSync(file, JSON.stringify(value), { mode: 0o600 });
    return value;
  }

  vps(...args: string[]): Promise<Ran> {
    return run('docker', ['exec', this.facts.vps.container, ...args]);
  }

  /** A shell line on the VPS test host, as root; fails the test when it fails. */
  async vpsShell(script: string, ...args: string[]): Promise<string> {
    return must('docker', ['exec', this.facts.vps.container, 'sh', '-ec', script, 'vps', ...args]);
  }

  ssh(): Inputs {
    const { vps } = this.facts;
    return {
      'vps-host': vps.host,
      'ssh-port': String(vps.port),
      'known-hosts': vps.knownHosts,
      'connect-timeout-seconds': '10',
    };
  }

  provisionInputs(): Inputs {
    const { vps, deployKey, images, registry, tls, signingKey } = this.facts;
    return {
      ...this.ssh(),
      'vps-user': 'root',
      'ssh-private-key': vps.adminKey,
      app: 'fixture',
      repository: `${registry.host}/example/fixture`,
      'signing-public-key': signingKey.public,
      'signing-identity': `example/fixture/${SOURCE.workflow}@${SOURCE.ref}`,
      'deploy-public-key': deployKey.public,
      'deploy-user': 'deploy',
      'agent-image': images.agent,
      'edge-image': images.edge,
      'registry-username': registry.username,
      'registry-password': registry.password,
      tls: 'files',
      // A test host is as large as the machine that it is on.
      'allow-small-host': 'true',
      'tls-certificate': tls.certificate,
      'tls-key': tls.key,
    };
  }

  /** The bare VPS provisioned by the action, once; the first run and what was there before are remembered. */
  provisioned(): Promise<{ before: string; run: ActionRun }> {
    return this.once('provisioned', async () => {
      const before = await this.vpsShell(
        'command -v docker || echo no-docker; ls -d /opt/edge 2>/dev/null || echo no-edge; id deploy 2>/dev/null || echo no-deploy',
      );
      const ran = await runInRunner(this.facts.runner, 'provision-vps', this.provisionInputs(), { timeoutMs: 300_000 });
      if (ran.code !== 0) throw new Error(`provision-vps ended with ${String(ran.code)}\n${ran.log}`);
      return { before, run: ran };
    });
  }

  buildInputs(name: string, args: Record<string, string>): Inputs {
    const { registry, signingKey } = this.facts;
    const variables = { BOOT_SECONDS: '2', FIXTURE_HOST: HOST, VERSION: name, ...args };
    return {
      'compose-file': 'rehearsal/fixture/compose.yaml',
      variables: Object.entries(variables)
        .map(([key, value]) => `${key}=${value}`)
        .join('\n'),
      registry: registry.host,
      repository: 'example/fixture',
      'registry-username': registry.username,
      'registry-password': registry.password,
      version: name,
      'signing-key': signingKey.private,
      cache: 'false',
    };
  }

  /** Builds a release by the action; `more` for another compose file or place than the fixture's. */
  async build(
    name: string,
    args: Record<string, string>,
    more: { inputs?: Inputs; options?: RunOptions } = {},
  ): Promise<Built> {
    const inputs = { ...this.buildInputs(name, args), ...more.inputs };
    const commit = Buffer.from(name).toString('hex').padEnd(40, '0').slice(0, 40);
    const ran = await runInRunner(this.facts.runner, 'build-images', inputs, {
      timeoutMs: 240_000,
      ...more.options,
      env: { GITHUB_SHA: commit, ...more.options?.env },
    });
    if (ran.code !== 0) throw new Error(`build-images (${name}) ended with ${String(ran.code)}\n${ran.log}`);
    return {
      release: ran.outputs['release'] ?? '',
      releaseId: ran.outputs['release-id'] ?? '',
      images: ran.outputs['images'] ?? '',
      signature: ran.outputs['signature'] ?? '',
    };
  }

  /** The release image of a variant, built by the action once per suite. */
  built(variant: Variant): Promise<Built> {
    return this.once(`built-${variant}`, () => this.build(variant, VARIANTS[variant]));
  }

  /** A release with two replicas of its web service in each colour, built by the action once per suite. */
  builtPair(name: string): Promise<Built> {
    const inputs = { 'compose-file': 'rehearsal/fixture/compose.pair.yaml' };
    return this.once(`built-pair-${name}`, () => this.build(`pair-${name}`, { BOOT_SECONDS: '1' }, { inputs }));
  }

  /** A release of the fixture app with all roles (worker, scheduler, a worker that overlaps, a backing service). */
  builtRoles(name: string, args: Record<string, string> = {}): Promise<Built> {
    return this.once(`built-roles-${name}`, () =>
      this.build(name, args, { inputs: { 'compose-file': 'rehearsal/fixture/roles.yaml' } }),
    );
  }

  /** The launcher as root calls it on the host; `terminal` as a person does. */
  hostShell(args: string[], { terminal = false } = {}): Promise<Ran> {
    const flags = terminal ? ['-t'] : [];
    return run('docker', ['exec', ...flags, this.facts.vps.container, '/opt/edge/bin/release', 'fixture', ...args]);
  }

  deployInputs(release: string, more: Inputs = {}): Inputs {
    const { registry, deployKey } = this.facts;
    return {
      ...this.ssh(),
      'vps-user': 'deploy',
      'ssh-private-key': deployKey.private,
      release,
      'registry-username': registry.username,
      'registry-password': registry.password,
      secrets: `APP_KEY=${APP_KEY}`,
      // Tests build their releases in any order.
      'allow-older': 'true',
      'bake-seconds': '0',
      ...more,
    };
  }

  async startDeploy(variant: Variant, more: Inputs = {}, options: RunOptions = {}): Promise<Started> {
    const built = await this.built(variant);
    return startInRunner(this.facts.runner, 'deploy-release', this.deployInputs(built.release, more), options);
  }

  async deploy(variant: Variant, more: Inputs = {}, options: RunOptions = {}): Promise<ActionRun> {
    return (await this.startDeploy(variant, more, options)).ended;
  }

  /** Deploys a release image by its reference. */
  deployRelease(release: string, more: Inputs = {}, options: RunOptions = {}): Promise<ActionRun> {
    return runInRunner(this.facts.runner, 'deploy-release', this.deployInputs(release, more), options);
  }

  rollback(more: Inputs = {}): Promise<ActionRun> {
    return runInRunner(this.facts.runner, 'rollback', {
      ...this.ssh(),
      'vps-user': 'deploy',
      'ssh-private-key': this.facts.deployKey.private,
      ...more,
    });
  }

  /** The very first deploy (v1), once per suite, with a rollback tried before and after it. */
  firstDeploy(): Promise<{ rollbackBefore: ActionRun; deploy: ActionRun; status: Status; rollbackAfter: ActionRun }> {
    return this.once('first-deploy', async () => {
      await this.provisioned();
      const rollbackBefore = await this.rollback();
      const deploy = await this.deploy('v1');
      if (deploy.code !== 0) throw new Error(`the first deploy ended with ${String(deploy.code)}\n${deploy.log}`);
      const status = await this.status();
      const rollbackAfter = await this.rollback();
      return { rollbackBefore, deploy, status, rollbackAfter };
    });
  }

  /** Makes the VPS run a variant, whatever ran before; the other tests start from here. */
  async running(variant: Variant): Promise<Built> {
    await this.firstDeploy();
    const built = await this.built(variant);
    const status = await this.status();
    if (status.running?.release !== built.releaseId) {
      const ran = await this.deploy(variant, { 'lock-wait-seconds': '60' });
      if (ran.code !== 0) throw new Error(`deploy of ${variant} ended with ${String(ran.code)}\n${ran.log}`);
    }
    return built;
  }

  /** An ssh client with the deploy key, as anyone who holds that key could run it. `args` go before the destination, `command` after. */
  deployShell(command: string[], options: { args?: string[]; input?: string; timeoutMs?: number } = {}): Promise<Ran> {
    const { vps, directory } = this.facts;
    return run(
      'ssh',
      [
        ...[
          '-F',
          '/dev/null',
          '-o',
          'BatchMode=yes',
          '-o',
          `UserKnownHostsFile=${directory}/known_hosts`,
          '-o',
          'IdentitiesOnly=yes',
        ],
        ...['-o', 'StrictHostKeyChecking=yes', '-o', `HostKeyAlias=${vps.host}`, '-o', 'ControlMaster=no'],
        ...[
          '-i',
          `${directory}/deploy_key`,
          '-p',
          String(vps.sshPort),
          ...(options.args ?? ['-T']),
          '--',
          'deploy@127.0.0.1',
          ...command,
        ],
      ],
      { input: options.input ?? '', timeoutMs: options.timeoutMs ?? 30_000 },
    );
  }

  async status(): Promise<Status> {
    const ran = await this.deployShell(['status']);
    if (ran.code !== 0) throw new Error(`status ended with ${String(ran.code)}\n${ran.stdout}${ran.stderr}`);
    return JSON.parse(ran.stdout) as Status;
  }

  /** GET through the edge over verified HTTPS; status, headers and text. Errors of the connection throw. */
  async get(
    path = '/',
    host = HOST,
  ): Promise<{ status: number; release: string | null; generation: string | null; text: string }> {
    const { tls, vps } = this.facts;
    const agent = agentFor(makeTarget(`https://${host}`, `127.0.0.1:${String(vps.httpsPort)}`, tls.ca), 5000);
    try {
      const answer = await fetch(`https://${host}${path}`, {
        dispatcher: agent,
        signal: AbortSignal.timeout(10_000),
        redirect: 'manual',
      });
      return {
        status: answer.status,
        release: answer.headers.get('x-release'),
        generation: answer.headers.get('x-edge-generation'),
        text: await answer.text(),
      };
    } finally {
      await agent.close();
    }
  }

  /** Starts the load generator in a process of its own and waits until it has sent for a second. */
  async load(mix: 'get' | 'fresh' | 'mixed', more: Record<string, string> = {}): Promise<RunningLoad> {
    const { directory, vps } = this.facts;
    const options = {
      url: `https://${HOST}`,
      address: `127.0.0.1:${String(vps.httpsPort)}`,
      ca: join(directory, 'ca.pem'),
      rate: '100',
      seconds: '240',
      mix,
      'slow-seconds': '8',
      ...more,
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn(process.execPath, [`${ROOT}/rehearsal/load/load.ts`, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const ended = new Promise<Report>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        if (code === 0) resolve(JSON.parse(text) as Report);
        else reject(new Error(`load generator ended with ${String(code)}`));
      });
    });
    ended.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    return {
      stop: () => {
        child.kill('SIGTERM');
        return ended;
      },
    };
  }
}
