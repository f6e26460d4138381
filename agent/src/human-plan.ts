import type { Plan } from '@delivery/release';
import { columns, plain } from './human.ts';
import { mebibytes } from './memory.ts';

/** `plan` for a person. */
export function planLines(plan: Plan): string[] {
  const { services, images, secrets, migrations, memory, disk } = plan;
  const changes = [
    ...services.added.map(({ service, role }) => `+ ${service} (${role})`),
    ...services.changed.map(({ service, role, what }) => `~ ${service} (${role}): ${what.join(', ')}`),
    ...services.removed.map(({ service, role }) => `- ${service} (${role})`),
  ];
  const names = (list: readonly string[]): string => (list.length === 0 ? 'none' : list.join(', '));
  const what = plan.unchanged
    ? 'nothing: it runs already, with the same secrets'
    : plan.rotated
      ? 'the release runs already and gets other secrets'
      : `starts in ${plan.colour ?? '-'} beside ${plan.running ?? 'nothing'}`;
  const rows = [
    ['release', plan.release ?? 'could not be read'],
    ['would do', what],
    ['services', changes.length === 0 ? `${String(services.same)} as they are` : (changes[0] ?? '')],
    ...changes.slice(1).map((line) => ['', line]),
    ['images', `${String(images.pull.length)} to pull, ${String(images.present)} here`],
    ...images.pull.map((image) => ['', image]),
    ['secrets', `missing ${names(secrets.missing)}; new ${names(secrets.added)}; changed ${names(secrets.changed)}`],
    ['migrations', migrations.jobs.length === 0 ? 'none' : names(migrations.jobs)],
    ['disk', `${mebibytes(disk.freeBytes)} free, ${mebibytes(disk.neededBytes)} needed`],
    ['memory', `${mebibytes(memory.neededBytes)} by the limits of both colours, of ${mebibytes(memory.limitBytes)}`],
    ...backingRows(plan.backing),
  ];
  return [
    ...columns(rows.map((row) => row.map(plain))),
    ...plan.notes.map((note) => `note: ${plain(note)}`),
    '',
    ...(plan.refusals.length === 0
      ? ['A deploy would be accepted.']
      : ['A deploy would be refused:', ...plan.refusals.map(({ code, message }) => `  ${plain(message)} [${code}]`)]),
  ];
}

/** Backing services that are not as described, one a row. */
export function backingRows(differences: Plan['backing']): string[][] {
  const changed = differences.filter(({ action }) => action !== 'keep');
  if (changed.length === 0) return [['backing', differences.length === 0 ? 'none' : 'as described']];
  return changed.map(({ service, action, what }, index) => [
    index === 0 ? 'backing' : '',
    `${service}: ${action === 'undescribed' ? '' : `${action}: `}${what.join(', ')}`,
  ]);
}
