import * as core from '@actions/core';
import { mergeDaemonConfig } from '../../../host/provision/daemon.ts';
import { FACTS_SCRIPT, parseFacts, refusals, shellAs, warnings, type Facts } from '../../../host/provision/facts.ts';
import { dockerSource } from '../../../host/provision/packages.ts';
import type { HostPlan } from '../../../host/provision/tasks.ts';
import type { HostInputs, Inputs } from './inputs.ts';
import type { Login } from './login.ts';
import { oneLine } from './text.ts';

/**
 * Looks at the host in one command that changes nothing.
 * @throws Error when the host cannot be prepared; it names every reason
 */
export async function gatherFacts({ session, user }: Login, inputs: Inputs): Promise<Facts> {
  const { host } = inputs.connection;
  const lines: string[] = [];
  const result = await session.exec(shellAs(user), {
    stdin: FACTS_SCRIPT,
    onStdoutLine: (line) => lines.push(line),
    timeoutMs: 60_000,
  });
  const facts = parseFacts(lines);
  if (facts.uid === -1) {
    const said = oneLine(result.stderrTail);
    throw new Error(
      `"${user}" got no root shell on ${host} (exit code ${result.code}): log in as root or as a user with NOPASSWD sudo. The host said: ${said}`,
    );
  }
  core.info(
    `${host}: ${facts.os.name}, ${facts.machine}, ${facts.virtualization}, ${facts.cpus} CPU, ${Math.round(facts.memoryKiB / 1024)} MiB, ` +
      `${facts.dockerVersion === '' ? 'no Docker' : `Docker ${facts.dockerVersion}`}, SSH on ${facts.sshPorts.join(', ')}, ${facts.prepared ? 'prepared before' : 'not prepared yet'}`,
  );
  preflight(host, facts, inputs);
  for (const warning of warnings(facts)) core.warning(`${host}: ${warning}`);
  return facts;
}

/** @throws Error with every reason why this host cannot be prepared */
export function preflight(host: string, facts: Facts, { allowUnsupportedOs, dockerPackages }: HostInputs): void {
  const reasons = [...refusals(facts, allowUnsupportedOs), ...dockerSource(facts, dockerPackages).refusals];
  if (reasons.length > 0) throw new Error(`${host} cannot be prepared, and nothing was changed: ${reasons.join('; ')}`);
}

/** What this host is to become. @throws Error when its daemon.json cannot be read */
export function planFor(inputs: HostInputs, facts: Facts): HostPlan {
  const {
    profile,
    app,
    repository,
    signatures,
    allowRun,
    deployUser,
    deployKey,
    agentImage,
    edgeImage,
    registry,
    tls,
  } = inputs;
  const port = inputs.newSshPort ?? facts.movedPort;
  return {
    ...{ profile, app, repository, signatures, allowRun, deployUser, deployKey, agentImage, edgeImage, registry, tls },
    os: facts.os.id === 'ubuntu' ? 'ubuntu' : 'debian',
    codename: facts.os.codename,
    dockerFrom: dockerSource(facts, inputs.dockerPackages).from,
    container: facts.container,
    memoryKiB: facts.memoryKiB,
    apparmor: facts.apparmor,
    daemonJson: mergeDaemonConfig(facts.daemonJson),
    // Until sshd has moved, the firewall lets both in.
    sshPorts: port === null ? facts.sshPorts : [...new Set([...facts.sshPorts, port])].sort((a, b) => a - b),
    ssh: {
      admin: inputs.admin,
      port,
      oldPorts: [...new Set([22, ...facts.sshPorts])].filter((each) => each !== port),
      socket: facts.sshSocket,
      revertSeconds: inputs.revertSeconds,
    },
    acmeOfOthers: facts.apps.some((other) => other !== app) ? facts.acmeEmail : null,
  };
}
