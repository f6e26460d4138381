import { CHECKOUT } from '../hosts/state.ts';
import { up as rigUp } from '../hosts/rig.ts';
import { stopwatch } from './run.ts';
import type { Say } from './run.ts';
import { openSession, placeSource } from './session.ts';
import type { Session } from './session.ts';
import { address } from './site.ts';
import { deploy, provision, pushSick, pushUnderLoad, rollback } from './steps.ts';
import { drawTable, drawWorkflows } from './table.ts';
import type { Row } from './table.ts';

/** What a whole rehearsal came to. The rows end with the first that failed. */
export interface Rehearsal {
  rows: Row[];
  session: Session;
}

const STEPS = [
  provision,
  deploy,
  pushUnderLoad,
  (session: Session, say: Say): Promise<Row> => pushSick(session, say, 'boot'),
  (session: Session, say: Say): Promise<Row> => rollback(session, say),
];

/** What is to be done between two steps. */
export interface Between {
  /** The source is on the runner, nothing was pushed yet. */
  placed?: (session: Session) => Promise<void>;
  /** The first release is deployed. */
  deployed?: (session: Session) => Promise<void>;
}

/** Brings the test hosts up and replays the workflows from a bare server to a rollback. */
export async function rehearse(instance: string, say: Say, between: Between = {}): Promise<Rehearsal> {
  const started = performance.now();
  say(`rehearsal ${instance}: a registry, a runner and a bare server on this machine`);
  const rig = await rigUp({ instance, source: CHECKOUT, log: say });
  const session = await openSession(rig);
  const { commit, dirty } = await placeSource(session, CHECKOUT);
  const rows: Row[] = [
    {
      step: 'bring up the test hosts',
      workflow: '',
      happened: `commit ${commit.slice(0, 7)}${dirty ? ' with uncommitted changes' : ''} on the runner`,
      seconds: (performance.now() - started) / 1000,
      ok: true,
    },
  ];
  await between.placed?.(session);
  for (const step of STEPS) {
    const row = await step(session, say);
    rows.push(row);
    say(`${row.ok ? 'ok' : 'FAILED'}: ${row.step}: ${row.happened}`);
    if (!row.ok) break;
    if (step === deploy) await between.deployed?.(session);
  }
  return { rows, session };
}

/** `./rehearse`: the rehearsal, its table, and how to go on. Gives the exit code. */
export async function up(instance: string): Promise<number> {
  const started = performance.now();
  const { rows, session } = await rehearse(instance, stopwatch());
  const { rig } = session;
  const whole = (performance.now() - started) / 1000;
  console.log(`\n${drawWorkflows(rows)}\n\n${drawTable(rows)}\n`);
  const ok = rows.every((row) => row.ok);
  const done = `${rows.filter((row) => row.ok).length} of ${STEPS.length + 1} steps as expected in ${whole.toFixed(0)} s`;
  const suffix = instance === 'default' ? '' : ` --instance ${instance}`;
  console.log(
    ok
      ? [
          done,
          '',
          `The app is up:  ${address(session.site)}`,
          `  in a browser  name resolves by itself; trust ${rig.stateDir}/ca.pem or accept the warning`,
          `  with curl     curl --cacert ${rig.stateDir}/ca.pem --resolve ${session.site.host}:${session.site.port}:127.0.0.1 ${address(session.site)}/api/health`,
          `  go on         ./rehearse status${suffix} | push [--break build|boot|health]${suffix} | rollback [RELEASE]${suffix} | down${suffix}`,
        ].join('\n')
      : `${done}; logs in ${rig.stateDir}/logs`,
  );
  return ok ? 0 : 1;
}
