import { checkDocument } from '@delivery/release';
import { z } from 'zod';
import type { Facts } from '../../../host/provision/facts.ts';
import { PROFILES } from '../../../host/provision/tasks.ts';
import { MODES, type Inputs } from './inputs.ts';
import type { Outcome } from './tasks.ts';

const count = z.int().min(0);

const TaskSchema = z.strictObject({
  id: z.string().min(1),
  status: z.enum(['ok', 'changed', 'skipped', 'drift', 'failed']),
  ms: z.number().min(0),
  reason: z.string(),
  source: z.string(),
  message: z.string(),
});

const FindingSchema = z.strictObject({ what: z.string().min(1), found: z.string(), allowed: z.string() });

/** The report of a run as a file, for whoever keeps or compares them. Another `v` is another shape. */
export const HostReportSchema = z.strictObject({
  v: z.literal(1),
  at: z.iso.datetime(),
  mode: z.enum(MODES),
  profile: z.enum(PROFILES),
  /** Nothing speaks against the host: no failure, no finding and, where it was only looked at, no drift. */
  sound: z.boolean(),
  host: z.strictObject({
    name: z.string().min(1),
    app: z.string().min(1),
    system: z.string(),
    machine: z.string(),
    virtualization: z.string(),
    provider: z.string(),
    cpus: count,
    memoryMiB: count,
    diskGiB: count,
  }),
  changed: count,
  drift: count,
  failure: z.string().nullable(),
  tasks: z.array(TaskSchema),
  findings: z.array(FindingSchema),
  /** What the host said about itself, by lines. */
  readings: z.array(z.strictObject({ id: z.string().min(1), what: z.string(), value: z.array(z.string()) })),
});
export type HostReport = z.infer<typeof HostReportSchema>;

/** Puts a run's report together. @throws ContractError where it is not as its schema says */
export function hostReport(inputs: Inputs, facts: Facts, outcome: Outcome, at = new Date()): HostReport {
  const { mode, profile, app, connection } = inputs;
  const { tasks, findings, readings, failure } = outcome;
  const number = (wanted: string): number => tasks.filter(({ status }) => status === wanted).length;
  const [changed, drift] = [number('changed'), number('drift')];
  return checkDocument('report', HostReportSchema, {
    v: 1,
    at: at.toISOString(),
    mode,
    profile,
    sound: failure === null && findings.length === 0 && drift === 0,
    host: {
      name: connection.host,
      app,
      system: facts.os.name,
      machine: facts.machine,
      virtualization: facts.virtualization,
      provider: facts.provider,
      cpus: facts.cpus,
      memoryMiB: Math.round(facts.memoryKiB / 1024),
      diskGiB: Math.round(facts.diskKiB / 1024 ** 2),
    },
    changed,
    drift,
    failure,
    tasks,
    findings,
    readings: readings.map(({ id, what, value }) => ({
      id,
      what,
      value: value.split('\n').filter((line) => line.trim() !== ''),
    })),
  });
}
