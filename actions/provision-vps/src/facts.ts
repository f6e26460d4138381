import { promises as dns } from 'node:dns';
import * as core from '@actions/core';
import { mergeDaemonConfig } from '../../../host/provision/daemon.ts';
import { FACTS_SCRIPT, parseFacts, shellAs, type Facts } from '../../../host/provision/facts.ts';
import { inWords, type Finding } from '../../../host/provision/finding.ts';
import { preflight, type ResolvedName } from '../../../host/provision/preflight.ts';
import { dockerSource } from '../../../host/provision/packages.ts';
import type { HostPlan } from '../../../host/provision/tasks.ts';
import type { HostInputs, Inputs } from './inputs.ts';
import type { Login } from './login.ts';
import { refuse } from './report.ts';
import { oneLine } from './text.ts';

/** What a look at the host gave before anything is changed. */
export interface Looked {
  facts: Facts;
  /** In mode verify what would keep an apply from beginning; the others have refused it by then. */
  findings: Finding[];
}

/**
 * Looks at the host in one command that changes nothing.
 * @throws Error when the host cannot be prepared; it names every reason, and so does the summary
 */
export async function gatherFacts({ session, user }: Login, inputs: Inputs): Promise<Looked> {
  const { host } = inputs.connection;
  const resolving = Promise.all(inputs.dnsNames.map(resolve));
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
    `${host}: ${facts.os.name}, ${facts.machine}, ${facts.virtualization}${facts.provider === '' ? '' : ` at ${facts.provider}`}, ` +
      `${facts.cpus} CPU, ${Math.round(facts.memoryKiB / 1024)} MiB, ${facts.dockerVersion === '' ? 'no Docker' : `Docker ${facts.dockerVersion}`}, ` +
      `SSH on ${facts.sshPorts.join(', ')}, ${facts.prepared ? 'prepared before' : 'not prepared yet'}`,
  );
  const outside = { names: await resolving, connectedTo: session.address, clock: Date.now() / 1000 };
  const { refusals, warnings } = preflight(facts, { ...inputs, ...outside });
  for (const warning of warnings) core.warning(`${host}: ${inWords(warning)}`);
  if (refuses(inputs, facts, refusals)) await refuse(inputs, facts, refusals);
  return { facts, findings: refusals };
}

/** In mode verify refusals are findings among others; a login without root could not even look. */
export function refuses({ mode }: Pick<HostInputs, 'mode'>, { uid }: Facts, refusals: readonly Finding[]): boolean {
  return refusals.length > 0 && (mode !== 'verify' || uid !== 0);
}

/** Asks the runner's resolver, which knows nothing of the host's own files. */
async function resolve(name: string): Promise<ResolvedName> {
  const answers = await Promise.all(
    [dns.resolve4(name), dns.resolve6(name)].map((answer) =>
      answer.catch((error: NodeJS.ErrnoException) =>
        // No record of one kind is an answer; the other kind may be there.
        error.code === 'ENODATA' || error.code === 'ENOTFOUND' ? [] : (error.code ?? 'no answer'),
      ),
    ),
  );
  const error = answers.find((answer) => typeof answer === 'string');
  return {
    name,
    addresses: answers.flatMap((answer) => (typeof answer === 'string' ? [] : answer)),
    error: error ?? null,
  };
}

/** What this host is to become. @throws Error when its daemon.json cannot be read */
export function planFor(inputs: HostInputs, facts: Facts): HostPlan {
  const { profile, app, repository, signatures, allowRun, deployUser, deployKey, edgeImage, registry, tls } = inputs;
  const agentImage = inputs.agentImage ?? facts.agentImage;
  const port = inputs.newSshPort ?? facts.movedPort;
  return {
    ...{ profile, app, repository, signatures, allowRun, deployUser, deployKey, agentImage, edgeImage, registry, tls },
    openPorts: inputs.openPorts,
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
      socket: facts.sshSocket,
      revertSeconds: inputs.revertSeconds,
    },
    acmeOfOthers: facts.apps.some((other) => other !== app) ? facts.acmeEmail : null,
  };
}
