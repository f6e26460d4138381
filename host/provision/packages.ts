import { APT_SHELL } from './apt.ts';
import type { Facts } from './facts.ts';
import { dockerRepositoryTasks } from './repository.ts';
import type { Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

/** Whose packages Docker comes from. */
export type DockerSource = 'distribution' | 'docker';

/** The compose plugin has a name of its own in each distribution. */
const DISTRIBUTION = {
  debian: ['docker.io', 'docker-cli', 'docker-compose'],
  ubuntu: ['docker.io', 'docker-compose-v2'],
};
const DOCKERS_OWN = ['docker-ce', 'docker-ce-cli', 'containerd.io', 'docker-buildx-plugin', 'docker-compose-plugin'];
// curl carries a rollback to an agent that watches its release.
const SHARED = ['ca-certificates', 'curl'];
// python3-systemd lets fail2ban read the journal.
const HARDENED = ['iptables', 'ufw', 'fail2ban', 'python3-systemd', 'unattended-upgrades'];

type Packaging = Pick<HostPlan, 'profile' | 'os' | 'dockerFrom' | 'apparmor'>;

/**
 * Whose Docker a host gets, and what speaks against it. Docker's own stays where it is; one kind is never put beside the other, since
 * their packages remove each other and the containers with them.
 */
export function dockerSource(
  { os, dockerPackages }: Pick<Facts, 'os' | 'dockerPackages'>,
  asked: DockerSource,
): { from: DockerSource; refusals: string[] } {
  const refusals: string[] = [];
  const strangers = dockerPackages.filter((name) => name !== 'docker.io' && name !== 'docker-ce');
  if (strangers.length > 0)
    refusals.push(
      `${strangers.join(' and ')} is installed and stands where Docker belongs: remove it first (Docker comes from docker.io or docker-ce)`,
    );
  const [own, distributions] = ['docker-ce', 'docker.io'].map((name) => dockerPackages.includes(name));
  if (own && distributions) refusals.push('docker-ce and docker.io are both installed: remove one of them first');
  if (!own && distributions && asked === 'docker')
    refusals.push(
      'docker.io is installed and "docker-packages" asks for docker-ce, which would remove it with its containers running: leave the input out, or remove docker.io first',
    );
  if (!own && asked === 'distribution' && os.id === 'debian' && os.version === '12')
    refusals.push(
      'Debian 12 has Docker 20.10 and 24 or newer is needed: set "docker-packages" to "docker" for Docker\'s own packages',
    );
  return { from: own ? 'docker' : asked, refusals };
}

function dockerPackages({ os, dockerFrom }: Packaging): string[] {
  return dockerFrom === 'docker' ? DOCKERS_OWN : DISTRIBUTION[os];
}

/** Every package that a host needs. */
export function packagesOf(plan: Packaging): string[] {
  const { profile, apparmor } = plan;
  return [
    ...dockerPackages(plan),
    ...SHARED,
    ...(profile === 'hardened' ? HARDENED : []),
    ...(apparmor ? ['apparmor'] : []),
  ];
}

/** Docker and what guards the host, all by apt. */
export function packageTasks(plan: Packaging & Pick<HostPlan, 'codename'>): Task[] {
  const packages = packagesOf(plan).join(' ');
  return [
    ...(plan.dockerFrom === 'docker' ? dockerRepositoryTasks(plan) : []),
    {
      id: 'packages',
      reason:
        'Docker with compose, the firewall, the login guard and security updates, by packages that are signed and kept up to date',
      source: 'docs.docker.com/engine/install; packages.debian.org',
      show: `dpkg-query -W ${packages}`,
      check: `${APT_SHELL}
missing=$(lacking ${packages})
[ -z "$missing" ] || { echo "missing: $missing"; return 1; }`,
      apply: `${APT_SHELL}
missing=$(lacking ${packages})
# Docker's own packages restart it, which is to be between the operations of the apps.
for package in ${dockerPackages(plan).join(' ')}; do
  case " $missing" in *" $package "*) hold_operations /opt; break ;; esac
done
install_packages $missing
say "installed: $missing"`,
    },
  ];
}
