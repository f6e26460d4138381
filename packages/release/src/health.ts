import { z } from 'zod';
import { urlPath } from './ids.ts';

/**
 * The health contract of one web service, as the compose file states it (`x-release.health`), defaults filled.
 * `json` maps a dotted path of the answer's JSON document to the literal expected there; `consecutive` passes in a row are needed,
 * `intervalMs` apart, each within `timeoutMs`, all within `deadlineSeconds`.
 */
export const HealthSchema = z.strictObject({
  path: urlPath.default('/health'),
  status: z.int().min(100).max(599).default(200),
  json: z.record(z.string().min(1), z.union([z.string(), z.number(), z.boolean(), z.null()])).default({}),
  consecutive: z.int().min(1).max(1000).default(3),
  intervalMs: z.int().min(10).max(60_000).default(100),
  timeoutMs: z.int().min(10).max(60_000).default(2000),
  deadlineSeconds: z.int().min(1).max(3600).default(30),
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
