import * as core from '@actions/core';
import { parsePlan, type EnvelopeInput, type Plan } from '@delivery/release';
import { openSession, type Session, type SessionOptions } from '@delivery/ssh';
import { escapeMarkdown, table, writeSummary } from '../summary.ts';
import { foreignLines } from '../text.ts';
import { refusal } from './refusal.ts';

/** Fetching the release image is the longest part of it. */
const TIMEOUT_MS = 120_000;

/**
 * Asks the host what a deploy of this digest would do; nothing changes there. The plan goes into the log and the job summary.
 * @throws Error where the host gives no plan, or says that a deploy would be refused
 */
export async function showPlan(
  connection: SessionOptions,
  digest: string,
  envelope: EnvelopeInput,
  signal: AbortSignal,
  open: (options: SessionOptions) => Promise<Session> = openSession,
): Promise<Plan> {
  const session = await open(connection);
  try {
    const lines: string[] = [];
    const command = `plan ${digest}`;
    const end = await session.exec(command, {
      stdin: `${JSON.stringify(envelope)}\n`,
      onStdoutLine: (line) => lines.push(line),
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    if (lines.length === 0) throw refusal(connection, command, end);
    const plan = parsePlan(lines.join('\n'));
    const rows = planRows(plan);
    for (const [name = '', value = ''] of rows) core.info(foreignLines(`${name}: ${value}`).join('\n'));
    await writeSummary(planSummary(plan, `${connection.host}:${connection.port}`));
    const [first] = plan.refusals;
    if (first !== undefined)
      throw new Error(
        `A deploy would be refused: ${plan.refusals.map(({ code, message }) => `${message} [${code}]`).join('; ')}. Nothing was changed; the host runs ${plan.running === null ? 'no release' : `release ${plan.running}`}`,
      );
    return plan;
  } finally {
    session.close();
  }
}

/** The plan as parts of Markdown. */
export function planSummary(plan: Plan, host: string): string[] {
  const good = plan.refusals.length === 0;
  const parts = [
    `## ${good ? '📋 A deploy would be accepted' : '❌ A deploy would be refused'}`,
    table(['', ''], [['Host', host], ...planRows(plan)]),
  ];
  if (!good)
    parts.push(
      '### Refusals',
      ...plan.refusals.map(({ code, message }) => `- ${escapeMarkdown(message)} (${escapeMarkdown(code)})`),
    );
  return parts;
}

function planRows(plan: Plan): string[][] {
  const { services, images, secrets, migrations, memory, disk, backing, notes } = plan;
  const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`;
  const list = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));
  const changes = [
    ...services.added.map(({ service, role }) => `${service} (${role}) added`),
    ...services.changed.map(({ service, what }) => `${service} changed: ${what.join(', ')}`),
    ...services.removed.map(({ service }) => `${service} removed`),
  ];
  const differing = backing.filter(({ action }) => action !== 'keep');
  const does = plan.unchanged
    ? 'nothing: it runs already with the same secrets'
    : plan.rotated
      ? 'it runs already and gets other secrets'
      : `starts in ${plan.colour ?? 'no colour'}`;
  return [
    ['Release', plan.release ?? 'could not be read'],
    ['Running now', plan.running ?? 'none'],
    ['Would do', does],
    ['Services', changes.length === 0 ? `${services.same} as they are` : changes.join('; ')],
    ['Images to pull', `${images.pull.length} of ${images.pull.length + images.present}`],
    ['Secrets missing', list(secrets.missing)],
    ['Secrets new or changed', list([...secrets.added, ...secrets.changed])],
    ['Migrations', list(migrations.jobs)],
    ['Disk free', `${mebibytes(disk.freeBytes)}, ${mebibytes(disk.neededBytes)} needed`],
    ['Memory by limits', `${mebibytes(memory.neededBytes)} of ${mebibytes(memory.limitBytes)}`],
    [
      'Backing services',
      differing.length === 0
        ? 'as described'
        : differing.map(({ service, action, what }) => `${service} (${action}): ${what.join(', ')}`).join('; '),
    ],
    ...notes.map((note) => ['Note', note]),
  ];
}
