import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import * as core from '@actions/core';
import type { ReadValue } from '../../../host/provision/audit.ts';
import { shellAs } from '../../../host/provision/facts.ts';
import type { Finding } from '../../../host/provision/finding.ts';
import {
  addressesToTry,
  judgeOutside,
  OUTSIDE_SCRIPT,
  outsideSummary,
  parseInside,
  portsToTry,
  type Answer,
  type Inside,
  type Knock,
} from '../../../host/provision/outside.ts';
import { reachablePorts } from '../../../host/provision/ports.ts';
import type { HostPlan } from '../../../host/provision/tasks.ts';
import { readTold } from '../../../host/provision/told.ts';
import { judgeTrial, trialSummary } from '../../../host/provision/trial-ban.ts';
import type { Inputs, Mode } from './inputs.ts';
import type { Login } from './login.ts';
import { oneLine } from './text.ts';
import type { Outcome } from './tasks.ts';

const KNOCK_MS = 1500;
const TIMEOUT_MS = 60_000;

/** Looking from outside takes seconds: it is worth them where something changed, and where looking is all that was asked for. */
export function deservesLook(mode: Mode, { profile }: Pick<HostPlan, 'profile'>, outcome: Outcome): boolean {
  if (profile !== 'hardened' || outcome.failure !== null) return false;
  return mode === 'verify' || (mode === 'apply' && outcome.tasks.some(({ status }) => status === 'changed'));
}

/**
 * Knocks from this runner on every port that the host listens on and on the usual suspects, by IPv4 and IPv6, while the host bans an address
 * for trial. What answers and should not, and a ban that the firewall does not show, are findings.
 */
export async function lookFromOutside(
  { session, user, port }: Login,
  { connection: { host } }: Pick<Inputs, 'connection'>,
  plan: HostPlan,
  signal: AbortSignal,
): Promise<{ readings: ReadValue[]; findings: Finding[] }> {
  const ports = reachablePorts(plan.sshPorts, plan.openPorts);
  // A run may have begun on a port that it has closed since.
  const ssh = plan.ssh.port ?? port;
  const lines: string[] = [];
  let looked: Promise<Knock[]> | null = null;
  const onStdoutLine = (line: string): void => {
    lines.push(line);
    // The host tells these one after the other, this one last; meanwhile it bans.
    if (line.startsWith('addresses=')) {
      const inside = parseInside(readTold(lines));
      looked = knockAll([session.address, host], inside, portsToTry(inside, [ssh, ...ports.map(({ port }) => port)]));
    }
  };
  const { code, stderrTail } = await session.exec(shellAs(user), {
    stdin: OUTSIDE_SCRIPT,
    onStdoutLine,
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  const told = readTold(lines);
  if (code !== 0 || !told.has('trial_end')) {
    const found = `ended early (exit code ${code ?? 'none'}): ${oneLine(stderrTail)}`;
    return { readings: [], findings: [{ what: 'look from outside', found, allowed: 'a look to its end' }] };
  }
  const knocks = (await looked) ?? [];
  const { publishers } = parseInside(told);
  const readings = [
    { id: 'outside', what: 'reached from outside', value: outsideSummary(knocks) },
    { id: 'trial_ban', what: 'trial ban', value: trialSummary(told) },
  ];
  for (const { what, value } of readings) core.info(`  ${what}: ${value.replaceAll('\n', '; ')}`);
  return {
    readings,
    findings: [...judgeOutside(knocks, { ssh, ports }, publishers), ...judgeTrial(told, plan.sshPorts)],
  };
}

async function knockAll(names: readonly string[], inside: Inside, ports: readonly number[]): Promise<Knock[]> {
  const resolved = await Promise.all(names.map((name) => lookup(name, { all: true }).catch(() => [])));
  const addresses = addressesToTry(
    resolved.flat().map(({ address }) => address),
    inside,
  );
  return Promise.all(addresses.flatMap((address) => ports.map((port) => knock(address, port))));
}

/** One connection, given up at once when it stands. */
function knock(address: string, port: number): Promise<Knock> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (answer: Answer): void => {
      socket.destroy();
      resolve({ address, port, answer });
    };
    socket.setTimeout(KNOCK_MS, () => end('closed'));
    socket.on('connect', () => end('open'));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      end(/^(ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|EAFNOSUPPORT)$/.test(error.code ?? '') ? 'unreachable' : 'closed'),
    );
  });
}
