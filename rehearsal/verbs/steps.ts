/** The steps of a rehearsal. Each does one thing, checks by the host's and the site's own word what came of it, and gives a row of the table. */
import { startLoad } from '../load/run.ts';
import { makeTarget } from '../load/target.ts';
import { healthyChange, sickChange } from './change.ts';
import type { Break } from './change.ts';
import type { Replayed } from './replay.ts';
import { runWorkflow } from './run.ts';
import type { Say } from './run.ts';
import { commitChange, githubCalls, hostStatus, revertChange } from './session.ts';
import type { HostStatus, Session } from './session.ts';
import { address, health } from './site.ts';
import type { Row } from './table.ts';

/** Requests per second while a second release is switched in. */
const LOAD_RATE = 20;

/** Something came out other than it must; the row says what. */
class Unexpected extends Error {}

function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Unexpected(message);
}

/** Tells the row that a step becomes about the workflow that it replayed, as soon as there is one. */
type Ran = (replayed: Replayed) => Replayed;

/** Runs one step; whatever goes wrong in it becomes a row that is not ok. */
async function row(step: string, work: (ran: Ran) => Promise<string>): Promise<Row> {
  const started = performance.now();
  let replayed: Replayed | undefined;
  const finish = (happened: string, ok: boolean): Row => ({
    step,
    workflow: replayed?.workflow ?? '',
    happened,
    seconds: (performance.now() - started) / 1000,
    ok,
    ...(replayed === undefined ? {} : { replayed }),
  });
  try {
    return finish(await work((one) => (replayed = one)), true);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return finish(message.replace(/\s*\n\s*/g, ' '), false);
  }
}

const red = (replayed: Replayed): string => {
  const step = replayed.steps.find(({ result }) => result === 'failure');
  return step === undefined ? 'failed without a failed step' : `failed in "${step.step}" of ${step.job}`;
};

const output = (replayed: Replayed, name: string): string => {
  const value = replayed.outputs[name];
  expect(value !== undefined && value !== '', `${replayed.workflow} gave no output ${name}`);
  return value;
};

/** What the host says and what the site says must both be this release, healthy. */
async function expectLive(session: Session, release: string): Promise<HostStatus> {
  const status = await hostStatus(session);
  expect(
    status.running?.release === release,
    `the host runs ${status.running?.release ?? 'nothing'}, not ${release} that was pushed`,
  );
  const seen = await health(session.site);
  expect(seen.healthy, `the site is not healthy (status ${seen.status})`);
  expect(seen.release === release, `the site answers as ${seen.release ?? 'no release'}, not as ${release}`);
  return status;
}

/** The last status that GitHub was told for the newest deployment. */
async function reported(session: Session): Promise<string> {
  const calls = (await githubCalls(session)).filter(({ path }) => path.endsWith('/statuses'));
  return String((calls.at(-1)?.body as { state?: unknown } | null)?.state ?? 'nothing');
}

export function provision(session: Session, say: Say): Promise<Row> {
  return row('provision the server', async (ran) => {
    const replayed = ran(await runWorkflow(session, say, { workflow: 'provision.yml', event: 'workflow_dispatch' }));
    expect(replayed.success, red(replayed));
    const status = await hostStatus(session);
    return `launcher answers (running: ${status.running?.release ?? 'nothing yet'})`;
  });
}

export function deploy(session: Session, say: Say): Promise<Row> {
  return row('deploy the pushed commit', async (ran) => {
    const replayed = ran(await runWorkflow(session, say, { workflow: 'deploy.yml', event: 'push' }));
    expect(replayed.success, red(replayed));
    const release = output(replayed, 'build.release-id');
    await expectLive(session, release);
    expect((await reported(session)) === 'success', `GitHub was told ${await reported(session)}`);
    return `${release} answers at ${address(session.site)}`;
  });
}

/** Pushes a changed source file while requests go on; not one of them may fail. */
export function pushUnderLoad(session: Session, say: Say): Promise<Row> {
  return row('push a second release under load', async (ran) => {
    const before = (await hostStatus(session)).running?.release;
    expect(before !== undefined, 'no release runs yet; ./rehearse first');
    await commitChange(session, healthyChange(String(Date.now())));
    const { host, port, ca } = session.site;
    const load = startLoad({
      target: makeTarget(`https://${host}/api/health`, `127.0.0.1:${port}`, ca),
      rate: LOAD_RATE,
      seconds: 900,
      mix: 'get',
    });
    let replayed: Replayed;
    try {
      replayed = ran(await runWorkflow(session, say, { workflow: 'deploy.yml', event: 'push' }));
    } finally {
      await load.stop();
    }
    const report = await load.done;
    expect(replayed.success, red(replayed));
    const release = output(replayed, 'build.release-id');
    expect(release !== before, 'the second push made no new release');
    await expectLive(session, release);
    const seen = report.switches.map((one) => one.release);
    expect(
      seen.includes(before) && seen.includes(release),
      `the load saw ${seen.join(', ') || 'no release'}, not the switch from ${before} to ${release}`,
    );
    expect(
      report.failures === 0,
      `${report.failures} of ${report.requests} requests failed: ${JSON.stringify(report.byCause)}`,
    );
    return `${release}: 0 of ${report.requests} requests failed at ${LOAD_RATE}/s, p99 ${report.p99} ms`;
  });
}

/** Pushes a changed source file; without load. */
export function push(session: Session, say: Say): Promise<Row> {
  return row('push another release', async (ran) => {
    await commitChange(session, healthyChange(String(Date.now())));
    const replayed = ran(await runWorkflow(session, say, { workflow: 'deploy.yml', event: 'push' }));
    expect(replayed.success, red(replayed));
    const release = output(replayed, 'build.release-id');
    await expectLive(session, release);
    return `${release} answers at ${address(session.site)}`;
  });
}

/** Pushes a sick release: the workflow must be red, in the right place, and the site must stay on the release before. */
export function pushSick(session: Session, say: Say, how: Break): Promise<Row> {
  return row(`push a release that is sick (${how})`, async (ran) => {
    const before = await hostStatus(session);
    const running = before.running?.release;
    expect(running !== undefined, 'no release runs yet; ./rehearse first');
    await commitChange(session, sickChange(how));
    let replayed: Replayed;
    try {
      replayed = ran(await runWorkflow(session, say, { workflow: 'deploy.yml', event: 'push' }, true));
    } finally {
      await revertChange(session);
    }
    expect(!replayed.success, 'a sick release was deployed');
    const place = how === 'build' ? 'Build application' : 'Deploy';
    const failed = replayed.steps.filter(({ result }) => result === 'failure').map(({ step }) => step);
    expect(
      failed.length === 1 && failed[0] === place,
      `it failed in "${failed.join('", "')}", not in "${place}" alone`,
    );
    const after = await expectLive(session, running);
    if (how === 'build') return `refused by the build; the site stayed on ${running}`;
    const entry = after.ledger.at(-1);
    expect(
      after.ledger.length > 0 &&
        entry?.release === output(replayed, 'build.release-id') &&
        entry.outcome !== 'deployed',
      `the ledger's last line is ${entry?.outcome ?? 'missing'} of ${entry?.release ?? 'nothing'}`,
    );
    expect((await reported(session)) === 'failure', `GitHub was told ${await reported(session)}`);
    const why = entry.error?.step === undefined ? '' : ` at step "${entry.error.step}"`;
    return `${entry.outcome}${why}; the site stayed on ${running}`;
  });
}

export function rollback(session: Session, say: Say, release = ''): Promise<Row> {
  return row('roll back by hand', async (ran) => {
    const before = await hostStatus(session);
    const replayed = ran(
      await runWorkflow(session, say, {
        workflow: 'rollback.yml',
        event: 'workflow_dispatch',
        inputs: { release },
      }),
    );
    expect(replayed.success, red(replayed));
    const target = release === '' ? before.previous?.release : release;
    expect(target !== undefined, 'there was no release to go back to, and still the workflow was green');
    await expectLive(session, target);
    return `${before.running?.release ?? 'nothing'} -> ${target}`;
  });
}
