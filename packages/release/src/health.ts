import { z } from 'zod';
import { urlPath } from './ids.ts';

/** What a p95 bound is taken over where the compose file does not say. */
export const HEALTH_SAMPLES = 20;
export const HEALTH_WARMUP = 5;

/**
 * The health contract of one web service, as the compose file states it (`x-release.health`), defaults filled.
 * `json` maps a dotted path of the answer's JSON document to the literal expected there; `consecutive` passes in a row are needed,
 * `intervalMs` apart, each within `timeoutMs`, all within `deadlineSeconds` of the container's start. With `maxP95Ms` the 95th
 * percentile of `samples` passes in a row, the first `warmup` of all left out, must not be above it.
 */
export const HealthSchema = z
  .strictObject({
    path: urlPath.default('/health'),
    status: z.int().min(100).max(599).default(200),
    json: z.record(z.string().min(1), z.union([z.string(), z.number(), z.boolean(), z.null()])).default({}),
    consecutive: z.int().min(1).max(1000).default(3),
    intervalMs: z.int().min(10).max(60_000).default(100),
    timeoutMs: z.int().min(10).max(60_000).default(2000),
    deadlineSeconds: z.int().min(1).max(3600).default(30),
    maxP95Ms: z.int().min(1).max(60_000).optional(),
    samples: z.int().min(2).max(1000).optional(),
    warmup: z.int().min(0).max(1000).optional(),
  })
  .superRefine((health, context) => {
    if (health.maxP95Ms === undefined) {
      for (const field of ['samples', 'warmup'] as const)
        if (health[field] !== undefined)
          context.addIssue({ code: 'custom', path: [field], message: 'means something beside maxP95Ms only' });
      return;
    }
    const tries = (health.samples ?? HEALTH_SAMPLES) + (health.warmup ?? HEALTH_WARMUP);
    if (tries * health.intervalMs >= health.deadlineSeconds * 1000) {
      context.addIssue({
        code: 'custom',
        path: ['maxP95Ms'],
        message: `needs ${tries} tries ${health.intervalMs} ms apart, which do not fit into deadlineSeconds`,
      });
    }
  });
export type Health = z.infer<typeof HealthSchema>;

/** Paths of the fixture's or the app's own endpoints that a prober may use; all optional. */
export const ProbesSchema = z.strictObject({
  get: urlPath.optional(),
  post: urlPath.optional(),
  upload: urlPath.optional(),
  slow: urlPath.optional(),
  websocket: urlPath.optional(),
  stream: urlPath.optional(),
});
export type Probes = z.infer<typeof ProbesSchema>;
