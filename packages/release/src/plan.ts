import { z } from 'zod';
import { appName, colour, digest, releaseId } from './ids.ts';
import { parseDocument } from './parse.ts';

/** How one backing service that runs differs from what a release describes. */
export const BackingDifferenceSchema = z.object({
  service: z.string(),
  /** `create`: none runs; `recreate`: another one runs; `keep`: as described; `undescribed`: runs, and the release does not know it. */
  action: z.enum(['create', 'recreate', 'keep', 'undescribed']),
  /** What differs, one line each; names of environment variables, never their values. */
  what: z.array(z.string()),
});
export type BackingDifference = z.infer<typeof BackingDifferenceSchema>;

const serviceChange = z.object({ service: z.string(), role: z.string(), what: z.array(z.string()) });
export type ServiceChange = z.infer<typeof serviceChange>;

const bytes = z.number().min(0);

/** What the launcher's `plan` prints: what a deploy of this digest would do now. Unknown keys are dropped. */
export const PlanSchema = z.object({
  v: z.literal(1),
  app: appName,
  digest,
  /** Null where the release image could not be read; the refusals say why. */
  release: releaseId.nullable(),
  running: releaseId.nullable(),
  /** Colour that it would start in. */
  colour: colour.nullable(),
  /** The very same release with the same secrets runs already: nothing would happen. */
  unchanged: z.boolean(),
  /** The very same release runs with other secrets: both colours would be rolled. */
  rotated: z.boolean(),
  images: z.object({ pull: z.array(z.string()), present: z.int().min(0) }),
  /** Services of the release against those of the live one. */
  services: z.object({
    added: z.array(serviceChange),
    changed: z.array(serviceChange),
    removed: z.array(serviceChange),
    same: z.int().min(0),
  }),
  secrets: z.object({ missing: z.array(z.string()), added: z.array(z.string()), changed: z.array(z.string()) }),
  migrations: z.object({ jobs: z.array(z.string()), from: z.int().min(0).nullable(), to: z.int().min(0).nullable() }),
  disk: z.object({ freeBytes: bytes, neededBytes: bytes }),
  /** By the limits that the services declare; `unlimited` names those without one. */
  memory: z.object({ neededBytes: bytes, limitBytes: bytes, availableBytes: bytes, unlimited: z.array(z.string()) }),
  /** A deploy changes none of these; `backing apply` does. */
  backing: z.array(BackingDifferenceSchema),
  refusals: z.array(z.object({ code: z.string(), message: z.string() })),
  notes: z.array(z.string()),
});
export type Plan = z.infer<typeof PlanSchema>;

/** Reads a plan; throws ContractError `plan`. */
export function parsePlan(text: string): Plan {
  return parseDocument('plan', PlanSchema, text, 4 * 1024 * 1024);
}
