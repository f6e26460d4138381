import { edgeAcme, edgeCompose, edgeStatic } from './files.ts';
import { quote, sha256 } from './shell.ts';
import { fileTask, placed, placedAt, type Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

/** The static configuration; certificates by ACME need a resolver in it. */
export function staticConfig(tls: HostPlan['tls']): string {
  if (tls.mode === 'files') return edgeStatic;
  return `${edgeStatic.trimEnd()}\n${edgeAcme.replaceAll('@ACME_EMAIL@', () => tls.email)}`;
}

/** The dynamic file that names the host's certificate. The agent takes it as the sign that certificates come from files. */
const TLS_YAML = `# Managed by provision-vps.
tls:
  certificates:
    - certFile: /opt/edge/certs/tls.crt
      keyFile: /opt/edge/certs/tls.key
  stores:
    default:
      defaultCertificate:
        certFile: /opt/edge/certs/tls.crt
        keyFile: /opt/edge/certs/tls.key
`;

/** The edge and the agent: one reverse proxy for all apps of the host, and the program that drives releases. */
export function edgeTasks(plan: HostPlan): Task[] {
  const environment = `EDGE_IMAGE=${plan.edgeImage}\n`;
  const traefik = staticConfig(plan.tls);
  return [
    pull(plan, 'agent_image', 'The agent is there by digest before the first deploy', plan.agentImage),
    fileTask({
      id: 'agent',
      reason: 'The launcher starts this agent and no other',
      path: '/opt/edge/agent',
      mode: '644',
      content: `${plan.agentImage}\n`,
    }),
    pull(plan, 'edge_image', 'The edge is one host service for all apps', plan.edgeImage),
    ...tls(plan.tls),
    fileTask({
      id: 'edge_static',
      reason: 'Routes come from files alone: the edge has no access to Docker',
      path: '/opt/edge/traefik.yaml',
      mode: '644',
      content: traefik,
    }),
    fileTask({
      id: 'edge_environment',
      reason: 'The version of the edge is set by provisioning, never by an app',
      path: '/opt/edge/.env',
      mode: '644',
      content: environment,
    }),
    fileTask({
      id: 'edge_compose',
      reason: 'The edge is a compose project of its own',
      path: '/opt/edge/compose.yaml',
      mode: '644',
      content: edgeCompose,
    }),
    running(sha256([edgeCompose, traefik, environment].join('\0'))),
  ];
}

function tls(plan: HostPlan['tls']): Task[] {
  if (plan.mode === 'acme') {
    return [
      {
        id: 'tls_files',
        reason: 'Certificates come by ACME: a certificate from files would win over them',
        check: '[ ! -e /opt/edge/dynamic/tls.yaml ]',
        apply: 'rm -f /opt/edge/dynamic/tls.yaml',
      },
    ];
  }
  const files = [
    { path: '/opt/edge/certs/tls.crt', mode: '600', content: plan.certificate },
    { path: '/opt/edge/certs/tls.key', mode: '600', content: plan.key },
  ];
  return [
    {
      id: 'tls_files',
      reason: 'The certificate and its key, readable by root alone',
      check: [
        ...files.map(({ path, mode, content }) => `same ${path} ${sha256(content)} ${mode} root:root`),
        `same /opt/edge/dynamic/tls.yaml ${sha256(TLS_YAML)} 644 root:root`,
      ].join(' &&\n'),
      // tls.yaml comes last and always anew: the edge reads the certificate when this file changes.
      apply: `${files.map(({ path, mode, content }) => placed(path, mode, 'root:root', content)).join('')}${placed('/opt/edge/dynamic/tls.yaml', '644', 'root:root', TLS_YAML)}`,
    },
  ];
}

/** Pulls with the registry's login in a client configuration of its own, which goes right afterwards and lies in memory. */
function pull(plan: HostPlan, id: string, reason: string, image: string): Task {
  const { registry } = plan;
  const config =
    registry === null
      ? '{}'
      : JSON.stringify({
          auths: {
            [registry.host]: { auth: Buffer.from(`${registry.username}:${registry.password}`).toString('base64') },
          },
        });
  return {
    id,
    reason,
    check: `docker image inspect ${quote(image)} >/dev/null`,
    apply: `mkdir -p "$work/docker"
chmod 700 "$work/docker"
${placedAt('"$work/docker/config.json"', '600', 'root:root', config)}code=0
DOCKER_CONFIG="$work/docker" docker pull --quiet ${quote(image)} || code=$?
rm -rf "$work/docker"
return "$code"`,
  };
}

/** What is written last stands for what the running edge was started with. */
function running(fingerprint: string): Task {
  return {
    id: 'edge',
    reason: 'The edge answers; it is started anew only when its own files changed',
    check: `[ "$(cat /opt/edge/.started-with 2>/dev/null)" = ${fingerprint} ] && [ "$(docker inspect --format '{{.State.Running}}' edge)" = true ] && until_true 5 docker exec edge traefik healthcheck`,
    apply: `cd /opt/edge
before=$(docker inspect --format '{{.Id}}' edge 2>/dev/null || :)
docker compose --ansi never up --detach --remove-orphans
after=$(docker inspect --format '{{.Id}}' edge)
# Compose does not look into mounted files: a container that it left alone may still run on the old ones.
if [ "$before" = "$after" ] && [ "$(cat .started-with 2>/dev/null)" != ${fingerprint} ]; then docker restart --time 30 edge; fi
until_true 30 docker exec edge traefik healthcheck
printf '%s\\n' ${fingerprint} | put /opt/edge/.started-with 644 root:root`,
  };
}
