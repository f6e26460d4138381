import { deployKeyLine, EDGE_DIRECTORIES } from './access.ts';
import { settings, type Reading } from './audit.ts';
import { certificateReading } from './certificate.ts';
import { dockerUserReadings } from './docker-user.ts';
import { fail2banReadings } from './fail2ban.ts';
import type { Finding } from './finding.ts';
import { firewallReadings } from './firewall.ts';
import { quote } from './shell.ts';
import { sshReadings } from './ssh.ts';
import type { HostPlan } from './tasks.ts';

/** The oldest Docker that the agent can drive. */
export const OLDEST_DOCKER = 24;

/** Everything that is read back from a host of this plan. */
export function hostReadings(plan: HostPlan): Reading[] {
  return [
    dockerReading(plan),
    containersReading(plan),
    agentReading(plan),
    filesReading(plan),
    deployKeyReading(plan),
    listenersReading(),
    certificateReading(plan),
    ...(plan.profile === 'hardened'
      ? [
          ...sshReadings(plan.ssh),
          ...firewallReadings(plan.sshPorts, plan.openPorts),
          ...dockerUserReadings(plan.openPorts),
          ...fail2banReadings(),
        ]
      : []),
  ];
}

function dockerReading({ profile }: HostPlan): Reading {
  const what = 'docker info';
  return {
    id: 'docker',
    what,
    // One call: the client asks its plugins for their versions along the way.
    shell: `docker info --format 'version {{.ServerVersion}}
live-restore {{.LiveRestoreEnabled}}
log-driver {{.LoggingDriver}}
{{range .ClientInfo.Plugins}}{{if eq .Name "compose"}}compose {{.Version}}{{end}}{{end}}'`,
    judge: (value) => {
      const found = settings(value);
      const findings: Finding[] = [];
      const judge = (name: string, good: boolean, allowed: string): void => {
        if (!good) findings.push({ what: `${what} ${name}`, found: found.get(name) || 'nothing', allowed });
      };
      judge('version', Number.parseInt(found.get('version') ?? '', 10) >= OLDEST_DOCKER, `${OLDEST_DOCKER} or newer`);
      judge('compose', /^v?([2-9]|[1-9][0-9])\./.test(found.get('compose') ?? ''), 'compose v2 or newer');
      // A server that somebody else keeps has their configuration of Docker.
      if (profile === 'hardened') judge('live-restore', found.get('live-restore') === 'true', 'true');
      return findings;
    },
  };
}

/** Containers of the edge and of what an app's release brings along to watch its images. */
function containersReading({ app, edgeImage }: HostPlan): Reading {
  const wanted = `socket-proxy watchtower`;
  return {
    id: 'containers',
    what: 'containers',
    // What a release describes stands in backing.yaml, whether it runs or not.
    shell: `docker inspect --format 'edge {{.State.Status}} {{.Config.Image}}' edge
if [ -f /opt/${app}/backing.yaml ]; then
  for service in ${wanted}; do
    if grep -q "^  $service:" /opt/${app}/backing.yaml; then echo "$service described"; fi
  done
  docker ps --all --filter label=delivery.app=${app} --format '{{.Label "delivery.service"}} {{.State}} {{.Image}}' | grep -E '^(${wanted.replaceAll(' ', '|')}) '
else
  echo 'release not deployed yet'
fi`,
    judge: (value) => {
      const lines = value.split('\n').map((line) => line.split(' '));
      const states = new Map(lines.map(([name = '', state = '', image = '']) => [name, { state, image }]));
      const findings: Finding[] = [];
      const edge = states.get('edge');
      if (edge?.state !== 'running')
        findings.push({ what: 'container edge', found: edge?.state ?? 'not there', allowed: 'running' });
      else if (edge.image !== edgeImage)
        findings.push({ what: 'container edge', found: `image ${edge.image}`, allowed: `image ${edgeImage}` });
      for (const name of wanted.split(' ')) {
        const state = states.get(name)?.state;
        if (state === undefined || state === 'running') continue;
        findings.push({
          what: `container ${name} of ${app}`,
          found: state === 'described' ? 'not there' : state,
          allowed: `running; to repair: sudo /opt/edge/bin/release ${app} backing apply`,
        });
      }
      return findings;
    },
  };
}

function agentReading({ agentImage }: HostPlan): Reading {
  const what = 'agent';
  return {
    id: 'agent',
    what,
    shell: 'cat /opt/edge/agent',
    judge: (value) => (value.trim() === agentImage ? [] : [{ what, found: value || 'nothing', allowed: agentImage }]),
  };
}

/** Modes and owners of what must not be changed, or read, by anybody else. */
function filesReading({ app, deployUser }: HostPlan): Reading {
  const what = 'files';
  const fixed = [
    ...EDGE_DIRECTORIES.map(({ path, mode, owner = 'root:root' }) => ({ path, mode, owner })),
    { path: '/opt/edge/bin/release', mode: '755', owner: 'root:root' },
    { path: '/opt/edge/agent', mode: '644', owner: 'root:root' },
    { path: `/opt/${app}`, mode: '750', owner: 'root:root' },
    { path: `/opt/${app}/.env`, mode: '600', owner: 'root:root' },
  ];
  return {
    id: 'files',
    what,
    shell: `home=$(getent passwd ${quote(deployUser)} | cut -d: -f6)
stat -c '%n %a %U:%G' ${fixed.map(({ path }) => quote(path)).join(' ')}
stat -c 'authorized_keys %a %U' "$home/.ssh/authorized_keys"`,
    judge: (value) => {
      const found = settings(value);
      const wanted = [
        ...fixed.map(({ path, mode, owner }) => [path, `${mode} ${owner}`] as const),
        ['authorized_keys', `600 ${deployUser}`] as const,
      ];
      return wanted.flatMap(([path, allowed]) => {
        const actual = found.get(path) ?? 'not there';
        return actual === allowed ? [] : [{ what: `${what} ${path}`, found: actual, allowed }];
      });
    },
  };
}

/** Every key of the deploy user, which must open the launcher and nothing else. Public halves: no secret. */
function deployKeyReading(plan: HostPlan): Reading {
  const what = `keys of ${plan.deployUser}`;
  return {
    id: 'deploy_keys',
    what,
    shell: `cat "$(getent passwd ${quote(plan.deployUser)} | cut -d: -f6)/.ssh/authorized_keys"`,
    judge: (value) => {
      const lines = value.split('\n').filter((line) => line !== '');
      const findings = lines
        .filter((line) => !/^restrict,command="\/opt\/edge\/bin\/release [a-z][a-z0-9-]{0,30}" /.test(line))
        .map((line) => ({ what, found: line.slice(0, 80), allowed: 'keys that are bound to the launcher' }));
      if (!lines.includes(deployKeyLine(plan)))
        findings.push({ what, found: `no key for ${plan.app}`, allowed: deployKeyLine(plan).slice(0, 120) });
      return findings;
    },
  };
}

/** What listens beyond loopback, for people to see; what of it can be reached is the firewall's matter. */
function listenersReading(): Reading {
  return {
    id: 'listeners',
    what: 'sockets that listen beyond loopback',
    shell: `ss -H -ltnp | awk '$4 !~ /^(127[.]|\\[::1\\]|\\[::ffff:127[.])/ { split($6, name, "\\""); print $4, name[2] }' | grep -v ' docker-proxy$' | sort -u`,
    judge: () => [],
  };
}
