import { z } from 'zod';

export const STEPS = [
  'lock',
  'plan',
  'verify',
  'pull',
  'migrate',
  'start',
  'gate',
  'route',
  'confirm',
  'drain',
  'bake',
  'backing',
  'record',
  'prune',
] as const;
export type Step = (typeof STEPS)[number];

export const stepName = z.enum(STEPS);

/** Where an operation stopped, and why. */
export const FailureSchema = z.object({
  step: stepName,
  code: z.string(),
  message: z.string(),
  logs: z.array(z.string()).optional(),
});
export type Failure = z.infer<typeof FailureSchema>;
