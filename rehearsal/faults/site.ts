import { createHash } from 'node:crypto';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActionRun, Inputs, RunOptions, Started } from '../test/action.ts';
import { startInRunner } from '../test/action.ts';
import { must, run } from '../test/process.ts';
import { lower, raise } from '../test/raise.ts';
import { APP_KEY, Stage } from '../test/stage.ts';
import type { Built, StageFacts } from '../test/stage.ts';

/** Of the host's whole disk: room for a few releases, and little enough to be filled within a second. */
const DISK_BYTES = 8 * 1024 ** 3;
const GREETING = 'two words';

/** Secrets that each deploy sends; they must be the host's, byte for byte, whatever was struck. */
export const SECRETS: Readonly<Record<string, string>> = { APP_KEY, GREETING };

/** The test hosts of the faults: as the process tests have them, on a disk that can be filled. */
export class Site extends Stage {
  private readonly references = new Map<string, string>();

  override buildInputs(name: string, args: Record<string, string>): Inputs {
    const { variables, ...inputs } = super.buildInputs(name, { BOOT_SECONDS: '1', ...args });
    return { ...inputs, variables: variables ?? '', 'compose-file': 'rehearsal/faults/compose.yaml' };
  }

  override deployInputs(release: string, more: Inputs = {}): Inputs {
    const secrets = Object.entries(SECRETS).map(([name, value]) => `${name}=${value}`);
    return super.deployInputs(release, { secrets: secrets.join('\n'), ...more });
  }

  /** A release made now, that this host has never seen. */
  async make(name: string, args: Record<string, string> = {}): Promise<Built> {
    const built = await this.build(name, args);
    this.references.set(built.releaseId, built.release);
    return built;
  }

  /** Reference of a release by its id. */
  referenceOf(releaseId: string): string {
    const found = this.references.get(releaseId);
    if (found === undefined) throw new Error(`release ${releaseId} was not made here`);
    return found;
  }

  remember(built: Built): void {
    this.references.set(built.releaseId, built.release);
  }

  start(verb: 'deploy' | 'rollback', inputs: Inputs, options: RunOptions = {}): Promise<Started> {
    return startInRunner(this.facts.runner, verb === 'deploy' ? 'deploy-release' : 'rollback', inputs, options);
  }

  async deployTo(release: string, more: Inputs = {}): Promise<ActionRun> {
    return (await this.start('deploy', this.deployInputs(release, more))).ended;
  }

  rollbackInputs(more: Inputs = {}): Inputs {
    return { ...this.ssh(), 'vps-user': 'deploy', 'ssh-private-key': this.facts.deployKey.private, ...more };
  }

  /** First process of the host, as this machine counts. */
  async init(): Promise<number> {
    const pid = await must('docker', ['inspect', '-f', '{{.State.Pid}}', this.facts.vps.container]);
    return Number(pid.trim());
  }

  /** Waits until a request on the public path is answered with 200 three times in a row; gives the release, or null after `seconds`. */
  async answering(seconds: number): Promise<string | null> {
    const until = Date.now() + seconds * 1000;
    let passes = 0;
    while (Date.now() < until) {
      const answer = await this.get('/').catch(() => null);
      passes = answer?.status === 200 ? passes + 1 : 0;
      if (passes >= 3) return answer?.release ?? null;
      await sleep(100);
    }
    return null;
  }
}

/** Name of the volume that the hosts' own code looks for. */
function diskOf(instance: string): string {
  return `rehearsal-${instance}-vps-var-lib-docker`;
}

interface Disk {
  device: string;
}

/**
 * Makes the volume of the host's Docker directory before the host is made: a file system of its own size on a loop device, so that
 * the disk can be full without filling this machine's.
 */
async function makeDisk(instance: string): Promise<Disk> {
  const image = join(tmpdir(), `faults-${instance}.img`);
  writeFileSync(image, '');
  truncateSync(image, DISK_BYTES);
  try {
    await must('mkfs.ext4', ['-q', '-m', '0', '-O', '^has_journal', image]);
    const device = (await must('losetup', ['--find', '--show', image])).trim();
    const options = ['type=ext4', `device=${device}`, 'o=noatime'].flatMap((option) => ['--opt', option]);
    // Without the instance's label: what bears it and has no state yet is removed when the instance is raised.
    await must('docker', ['volume', 'create', ...options, diskOf(instance)]);
    return { device };
  } finally {
    // The loop device keeps it; the space is free again with the device.
    rmSync(image, { force: true });
  }
}

/** Raises the hosts, the disk first, and provisions the VPS. Gives the path of the stage's file. */
export async function raiseSite(instance: string, log: (line: string) => void): Promise<string> {
  const disk = await makeDisk(instance);
  try {
    const file = await raise(instance, log);
    const facts = JSON.parse(readFileSync(file, 'utf8')) as StageFacts;
    writeFileSync(file, JSON.stringify({ ...facts, device: disk.device }), { mode: 0o600 });
    const site = new Site(facts);
    // One partition for everything, as on most servers: a full disk is full for Docker and for what is kept under /opt.
    await site.vpsShell(
      'mkdir -p /var/lib/docker/.opt; echo "/var/lib/docker/.opt /opt none bind 0 0" >> /etc/fstab; mount /opt',
    );
    log('provisioning the host');
    await site.provisioned();
    return file;
  } catch (error) {
    await lowerSite(instance, disk.device).catch(() => undefined);
    throw error;
  }
}

/** Removes the hosts and their disk. */
export async function lowerSite(instance: string, device: string): Promise<void> {
  await lower(instance);
  await run('docker', ['volume', 'rm', '-f', diskOf(instance)]);
  await run('losetup', ['-d', device]);
}

/** Opens a site by the file that raiseSite gave. */
export function openSite(file: string): { site: Site; device: string } {
  const facts = JSON.parse(readFileSync(file, 'utf8')) as StageFacts & { device: string };
  return { site: new Site(facts), device: facts.device };
}

/** A name for a release that is new in every run. */
export function freshName(prefix: string): string {
  return `${prefix}${createHash('sha256')
    .update(`${String(process.pid)}${String(process.hrtime.bigint())}`)
    .digest('hex')
    .slice(0, 6)}`;
}
