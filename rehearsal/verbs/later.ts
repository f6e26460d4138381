/** The verbs for an instance that is up already. */
import { attach, down as rigDown } from '../hosts/rig.ts';
import type { Break } from './change.ts';
import { stopwatch } from './run.ts';
import { hostStatus, openSession } from './session.ts';
import type { HostStatus, Session } from './session.ts';
import { address, health } from './site.ts';
import * as steps from './steps.ts';
import { drawTable } from './table.ts';
import type { Row } from './table.ts';

async function open(instance: string): Promise<Session> {
  const rig = await attach(instance);
  if (rig === null) throw new Error(`instance ${instance} is not up; ./rehearse brings it up`);
  return openSession(rig);
}

function finish(row: Row): number {
  console.log(`\n${drawTable([row])}`);
  return row.ok ? 0 : 1;
}

export async function push(instance: string, how?: Break): Promise<number> {
  const session = await open(instance);
  const say = stopwatch();
  return finish(how === undefined ? await steps.push(session, say) : await steps.pushSick(session, say, how));
}

export async function rollback(instance: string, release?: string): Promise<number> {
  const session = await open(instance);
  return finish(await steps.rollback(session, stopwatch(), release));
}

export async function down(instance: string): Promise<number> {
  await rigDown(instance);
  console.log(`instance ${instance} is gone`);
  return 0;
}

/** What `status --json` prints. */
export interface StatusReport extends Omit<HostStatus, 'v'> {
  instance: string;
  url: string;
  /** Certificate of the authority that signed the site's certificate. */
  ca: string;
  healthy: boolean;
}

export async function status(instance: string, json: boolean): Promise<number> {
  const session = await open(instance);
  const { v: _, ...host } = await hostStatus(session);
  const seen = await health(session.site).catch(() => ({ healthy: false }));
  const report: StatusReport = {
    instance,
    url: address(session.site),
    ca: `${session.rig.stateDir}/ca.pem`,
    healthy: seen.healthy,
    ...host,
  };
  if (json) console.log(JSON.stringify(report, null, 2));
  else {
    console.log(
      `${report.url}  ${report.healthy ? 'healthy' : 'NOT HEALTHY'}  running ${report.running?.release ?? 'nothing'}`,
    );
    for (const { outcome, release, error } of report.ledger) {
      console.log(`  ${outcome.padEnd(12)} ${release}${error?.message === undefined ? '' : `  ${error.message}`}`);
    }
    console.log(`receipt ${report.receipt === null ? 'none' : JSON.stringify(report.receipt)}`);
  }
  return 0;
}
