import type { Facts } from './facts.ts';
import { inWords, type Finding } from './finding.ts';
import { dockerSource, packagesOf, type DockerSource } from './packages.ts';
import { shutPorts, type OpenPort } from './ports.ts';
import type { Profile } from './tasks.ts';

/** A name that is to lead to the host, with what it resolves to on the runner. */
export interface ResolvedName {
  name: string;
  addresses: readonly string[];
  /** Why it could not be resolved; null where it could. */
  error: string | null;
}

/** What a host must be, and what the runner sees of it from where it is. */
export interface Expectations {
  profile: Profile;
  allowUnsupportedOs: boolean;
  allowSmallHost: boolean;
  /** Whose packages Docker is to come from where there is none yet. */
  dockerPackages: DockerSource;
  /** What containers may publish to the world. */
  openPorts?: readonly OpenPort[];
  /** Names that must lead to this host. */
  names?: readonly ResolvedName[];
  /** Address that the runner is connected to. */
  connectedTo?: string;
  /** The runner's clock when the host told its own, in seconds. */
  clock?: number;
}

export interface Preflight {
  /** What speaks against preparing this host. */
  refusals: Finding[];
  /** What the operator should know but nothing that stops the run. */
  warnings: Finding[];
}

/** A "2 GB" server reports a little less: the kernel and the machine keep some. */
const LEAST_MEMORY_KIB = Math.round(1.8e9 / 1024);
/** A "40 GB" disk has 37 GiB, and its file system a little less. */
const LEAST_DISK_KIB = 36 * 1024 * 1024;
const LEAST_FREE_KIB = 10 * 1024 * 1024;
/** Certificates and signatures forgive about so much. */
const MOST_SKEW_SECONDS = 60;

const SUPPORTED = [
  { id: 'ubuntu', version: '24.04', name: 'Ubuntu 24.04' },
  { id: 'ubuntu', version: '26.04', name: 'Ubuntu 26.04' },
  { id: 'debian', version: '13', name: 'Debian 13' },
  { id: 'debian', version: '12', name: "Debian 12 (with Docker's own packages)" },
];

/** Judges a host before anything is changed: everything that is found is found at once. */
export function preflight(facts: Facts, expected: Expectations): Preflight {
  const small = size(facts);
  return {
    refusals: [
      ...login(facts),
      ...system(facts, expected),
      ...(expected.allowSmallHost ? [] : small.map(overridable('allow-small-host'))),
      ...ports(facts),
      ...(expected.profile === 'minimal' ? adopted(facts) : [...ssh(facts), ...dockerPackages(facts, expected)]),
      ...clock(facts, expected),
      ...(expected.names ?? []).flatMap((name) => leadsHere(name, facts, expected.connectedTo)),
    ],
    warnings: [
      ...(expected.allowSmallHost ? small : []),
      ...freeDisk(facts),
      ...architecture(facts),
      ...(expected.profile === 'hardened' ? shutPorts(facts.publishers, expected.openPorts) : []),
    ],
  };
}

/** The refusals as the one message of a run that changed nothing. */
export function refusal(host: string, refusals: readonly Finding[]): string {
  return `${host} cannot be prepared, and nothing was changed: ${refusals.map(inWords).join(' | ')}`;
}

const overridable =
  (input: string) =>
  (finding: Finding): Finding => ({ ...finding, allowed: `${finding.allowed} (the input ${input} overrides this)` });

function login({ uid }: Facts): Finding[] {
  if (uid === 0) return [];
  return [{ what: 'login', found: `no root shell (uid ${uid})`, allowed: 'root, or a user with NOPASSWD sudo' }];
}

function system({ init, os }: Facts, { allowUnsupportedOs }: Expectations): Finding[] {
  const findings: Finding[] = [];
  if (init !== 'systemd') findings.push({ what: 'process 1', found: init || 'unknown', allowed: 'systemd' });
  if (!allowUnsupportedOs && !SUPPORTED.some(({ id, version }) => os.id === id && os.version === version)) {
    const allowed = `${SUPPORTED.map(({ name }) => name).join(', ')}; of others those with apt`;
    findings.push(overridable('allow-unsupported-os')({ what: 'system', found: os.name || 'unknown', allowed }));
  }
  return findings;
}

function size({ cpus, memoryKiB, diskKiB }: Facts): Finding[] {
  const findings: Finding[] = [];
  if (cpus < 2)
    findings.push({
      what: 'CPUs',
      found: String(cpus),
      allowed: '2 or more: both colours run at once during a switch',
    });
  if (memoryKiB < LEAST_MEMORY_KIB) {
    const found = `${Math.round(memoryKiB / 1024)} MiB`;
    findings.push({ what: 'memory', found, allowed: '2 GB or more: both colours run at once during a switch' });
  }
  if (diskKiB < LEAST_DISK_KIB)
    findings.push({
      what: 'disk',
      found: gibibytes(diskKiB),
      allowed: '40 GB or more: images of several releases are kept',
    });
  return findings;
}

function ports({ heldPorts }: Facts): Finding[] {
  if (heldPorts.length === 0) return [];
  return [
    {
      what: 'ports of the edge',
      found: `held by ${heldPorts.join(', ')}`,
      allowed:
        '80 and 443 free, or held by the edge of an earlier run: stop what holds them, or give this app a server of its own',
    },
  ];
}

/** A server that somebody else keeps gets nothing installed: what is needed must be there. */
function adopted({ dockerVersion, composeVersion, curl, os }: Facts): Finding[] {
  const findings: Finding[] = [];
  const distribution = { dockerFrom: 'distribution', profile: 'minimal', apparmor: false } as const;
  const packages = packagesOf({ ...distribution, os: os.id === 'ubuntu' ? 'ubuntu' : 'debian' }).join(' ');
  const install =
    os.id === 'debian' && Number(os.version) < 13
      ? `to install it: docs.docker.com/engine/install/debian`
      : `to install it: apt-get install ${packages}`;
  if (dockerVersion === '')
    findings.push({ what: 'Docker', found: 'none that runs', allowed: `24 or newer; ${install}` });
  else if (Number.parseInt(dockerVersion, 10) < 24)
    findings.push({ what: 'Docker', found: dockerVersion, allowed: `24 or newer; docs.docker.com/engine/install` });
  if (!/^v?([2-9]|[1-9][0-9])\./.test(composeVersion))
    findings.push({ what: 'docker compose', found: composeVersion || 'none', allowed: `v2 or newer; ${install}` });
  if (!curl) findings.push({ what: 'curl', found: 'none', allowed: 'any; to install it: apt-get install curl' });
  return findings;
}

function dockerPackages(facts: Facts, { dockerPackages: asked }: Expectations): Finding[] {
  return dockerSource(facts, asked).refusals.map((found) => ({
    what: 'packages of Docker',
    found,
    allowed: 'docker.io or docker-ce in version 24 or newer, and not both',
  }));
}

function ssh({ sshPorts, sshError }: Facts): Finding[] {
  const findings: Finding[] = [];
  if (sshError !== '')
    findings.push({
      what: 'configuration of sshd',
      found: sshError,
      allowed: 'one that "sshd -t" takes: repair it first, its next start would lock everybody out',
    });
  if (sshPorts.length === 0)
    findings.push({
      what: 'port of the SSH server',
      found: 'none',
      allowed: 'a known one, or the firewall would lock everybody out',
    });
  return findings;
}

/** A container shares its machine's clock. Where a clock is only not kept in step, the hardened profile sees to it. */
function clock({ container, clock: theirs, synchronized }: Facts, { profile, clock: ours }: Expectations): Finding[] {
  if (container) return [];
  const repair = 'to repair: timedatectl set-ntp true';
  const skew = ours === undefined || theirs === 0 ? 0 : Math.round(theirs - ours);
  if (Math.abs(skew) > MOST_SKEW_SECONDS) {
    const found = `${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} the runner`;
    return [{ what: 'clock', found, allowed: `at most ${MOST_SKEW_SECONDS} s apart; ${repair}` }];
  }
  if (profile === 'minimal' && synchronized === 'no')
    return [{ what: 'clock', found: 'not synchronized', allowed: `synchronized; ${repair}` }];
  return [];
}

function leadsHere({ name, addresses, error }: ResolvedName, facts: Facts, connectedTo?: string): Finding[] {
  const what = `DNS name ${name}`;
  const own = [...(connectedTo === undefined ? [] : [connectedTo]), ...facts.addresses].map(plainAddress);
  const allowed = `an address of this server (${[...new Set(own)].join(', ')})`;
  if (error !== null) return [{ what, found: error, allowed }];
  if (addresses.length === 0) return [{ what, found: 'no address', allowed }];
  const strange = addresses.filter((address) => !own.includes(plainAddress(address)));
  return strange.length === 0 ? [] : [{ what, found: strange.join(', '), allowed }];
}

/** One spelling for each address, whatever the resolver's, the kernel's and the socket's are. */
function plainAddress(address: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  return URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? address;
}

function freeDisk({ freeDiskKiB }: Facts): Finding[] {
  if (freeDiskKiB >= LEAST_FREE_KIB) return [];
  return [{ what: 'free disk', found: gibibytes(freeDiskKiB), allowed: '10 GiB or more are recommended' }];
}

function architecture({ machine }: Facts): Finding[] {
  if (machine === 'x86_64') return [];
  const allowed = 'x86_64 is what the tests run on; every image must be there for another one too';
  return [{ what: 'architecture', found: machine || 'unknown', allowed }];
}

function gibibytes(kibibytes: number): string {
  return `${Math.round(kibibytes / 1024 ** 2)} GiB`;
}
