import { agentTasks } from './agent.ts';
import { edgeTask } from './edge-change.ts';
import { edgeAcme, edgeCompose, edgeStatic } from './files.ts';
import { pullTask } from './pull.ts';
import { quote, sha256 } from './shell.ts';
import { placed, type Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

/** The static configuration; certificates by ACME need a resolver in it, also where only another app of the host has them by ACME. */
export function staticConfig(tls: HostPlan['tls'], acmeOfOthers: string | null = null): string {
  const email = tls.mode === 'acme' ? tls.email : acmeOfOthers;
  return email === null ? edgeStatic : `${edgeStatic.trimEnd()}\n${edgeAcme.replaceAll('@ACME_EMAIL@', () => email)}`;
}

/** The edge and the agent: one reverse proxy for all apps of the host, and the program that drives releases. */
export function edgeTasks(plan: HostPlan): Task[] {
  return [
    ...agentTasks(plan),
    pullTask(plan, 'edge_image', 'The edge is one host service for all apps', plan.edgeImage),
    certificate(plan),
    sharedCertificate(plan.app),
    edgeTask({ image: plan.edgeImage, compose: edgeCompose, traefik: staticConfig(plan.tls, plan.acmeOfOthers) }),
    pins([plan.agentImage, plan.edgeImage]),
  ];
}

/**
 * The app's certificate, in files of its own: apps of one host have different ones. The agent takes the dynamic file as the sign that
 * the certificate comes from files. The names have a dot where an app's name has none, so that they are no app's route file.
 */
function certificate({ app, tls }: HostPlan): Task {
  const dynamic = `/opt/edge/dynamic/${app}.tls.yaml`;
  const [certFile, keyFile] = [`/opt/edge/certs/${app}.tls.crt`, `/opt/edge/certs/${app}.tls.key`];
  if (tls.mode === 'acme') {
    return {
      id: 'tls_files',
      reason: 'Certificates come by ACME: a certificate from files would win over them',
      source: 'doc.traefik.io, TLS',
      show: `ls ${dynamic}`,
      check: `[ ! -e ${dynamic} ]`,
      apply: `rm -f ${dynamic} ${certFile} ${keyFile}`,
    };
  }
  const yaml = `# Managed by provision-vps.\ntls:\n  certificates:\n    - certFile: ${certFile}\n      keyFile: ${keyFile}\n`;
  const files = [
    { path: certFile, mode: '600', content: tls.certificate },
    { path: keyFile, mode: '600', content: tls.key },
    // The last one, and always written anew: the edge reads the certificate when this file changes.
    { path: dynamic, mode: '644', content: yaml },
  ];
  return {
    id: 'tls_files',
    reason: "The app's certificate and its key, readable by root alone",
    source: 'doc.traefik.io, TLS',
    show: `stat -c '%a %U:%G %n' ${files.map(({ path }) => path).join(' ')}`,
    check: files.map(({ path, mode, content }) => `same ${path} ${sha256(content)} ${mode} root:root`).join(' &&\n'),
    apply: files.map(({ path, mode, content }) => placed(path, mode, 'root:root', content)).join(''),
  };
}

/**
 * Hosts were prepared with one certificate for all apps once. It goes when no other app needs it any more: each that was prepared here
 * has files of its own, or a route by ACME.
 */
export function sharedCertificate(app: string): Task {
  return {
    id: 'tls_shared',
    reason: 'Each app has its own certificate; the one that they shared goes with the last app that needs it',
    source: 'docs/several-apps.md',
    show: 'ls /opt/edge/dynamic/tls.yaml',
    check: `grep -qs 'certFile: /opt/edge/certs/tls.crt' /opt/edge/dynamic/tls.yaml || return 0
for secrets in /opt/*/.env; do
  other=$(basename "$(dirname "$secrets")")
  case $other in edge | ${app} | '*') continue ;; esac
  [ ! -e "/opt/edge/dynamic/$other.tls.yaml" ] || continue
  ! grep -qs certResolver "/opt/edge/dynamic/$other.yaml" || continue
  say "kept: $other has no certificate of its own yet"
  return 0
done
return 1`,
    apply: 'rm -f /opt/edge/dynamic/tls.yaml /opt/edge/certs/tls.crt /opt/edge/certs/tls.key',
  };
}

/**
 * The way back needs the agent, and the edge must come up again, with no registry in reach: a container that is created and never
 * started keeps each image through any `docker image prune`.
 */
function pins(images: readonly string[]): Task {
  const list = images.map(quote).join(' ');
  return {
    id: 'pins',
    reason: 'No prune of unused images takes the agent or the edge away',
    source: 'docs/break-glass.md',
    show: 'docker ps --all --filter label=delivery.pin=edge',
    check: `[ "$(docker ps --all --filter label=delivery.pin=edge --filter status=created --format '{{.Label "delivery.image"}}' | sort)" = "$(printf '%s\\n' ${list} | sort)" ]`,
    apply: `for pin in $(docker ps --all --quiet --filter label=delivery.pin=edge); do docker rm --force "$pin" >/dev/null; done
for image in ${list}; do
  docker create --name "pin-edge-$(printf '%s' "$image" | sha256sum | cut -c 1-12)" --pull never --network none --label delivery.managed=true --label delivery.pin=edge --label "delivery.image=$image" --entrypoint /never-run "$image" >/dev/null
done`,
  };
}
