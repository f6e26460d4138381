import { z } from 'zod';
import {
  appName,
  COMMIT,
  digest,
  hostName,
  imageByDigest,
  isoTime,
  releaseId,
  role,
  secretName,
  serviceName,
  urlPath,
} from './ids.ts';
import { HealthSchema, ProbesSchema } from './health.ts';
import { parseDocument } from './parse.ts';

const filePath = z
  .string()
  .max(512)
  .regex(/^(compose\.yaml|files\/[^\0]+)$/, 'must be compose.yaml or files/<path>')
  .refine(
    (path) => !path.split('/').some((part) => part === '' || part === '.' || part === '..'),
    'must not hold empty, . or .. parts',
  );

/**
 * Schema numbers of the database. `after` is the one that the release's migrations lead to (0: it declares none) and `before` the oldest
 * that the live release may be of while they run. `compatibleFrom` is the oldest number whose code can still run on `after`; absent
 * means none but `after` itself. `oldestCompatible` was meant to say the same by a release id, which nobody knows when a release is
 * built: it is always null.
 */
export const SchemaRangeSchema = z.strictObject({
  before: z.int().min(0),
  after: z.int().min(0),
  oldestCompatible: releaseId.nullable(),
  compatibleFrom: z.int().min(0).optional(),
});
export type SchemaRange = z.infer<typeof SchemaRangeSchema>;

export const ManifestServiceSchema = z.strictObject({
  role: role.exclude(['edge']),
  image: imageByDigest,
  platforms: z.array(z.string().regex(/^[a-z0-9]+\/[a-z0-9]+(\/[a-z0-9]+)?$/, 'must be <os>/<architecture>')),
  /** Web only: containers per colour (absent means 1). */
  replicas: z.int().min(1).max(32).optional(),
  /** Web only: seconds to wait for open connections of the old colour (absent means 30). */
  drainSeconds: z.int().min(0).max(3600).optional(),
  /** Worker and scheduler only: two of it may run at once, so the new one starts before the switch. */
  overlap: z.boolean().optional(),
  /** Web only: endpoints that a prober may use. */
  probes: ProbesSchema.optional(),
});
export type ManifestService = z.infer<typeof ManifestServiceSchema>;

export const RouteSchema = z.strictObject({
  service: serviceName,
  host: hostName,
  path: urlPath,
  port: z.int().min(1).max(65535),
  /** Overrides the priority by length of the path. */
  priority: z.int().min(1).max(1_000_000).optional(),
});
export type Route = z.infer<typeof RouteSchema>;

/** What a release is: /manifest.json of the release image. */
export const ManifestSchema = z
  .strictObject({
    format: z.literal(1),
    app: appName,
    release: releaseId,
    commit: z.string().regex(COMMIT, 'must be 7 to 64 lower-case hex digits'),
    created: isoTime,
    version: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[^\p{Cc}]*$/u, 'must hold no control characters'),
    services: z.record(serviceName, ManifestServiceSchema),
    routes: z.array(RouteSchema),
    health: z.record(serviceName, HealthSchema),
    schema: SchemaRangeSchema,
    secrets: z.array(secretName),
    agent: z.strictObject({ minimum: z.string().regex(/^\d+\.\d+\.\d+$/, 'must be x.y.z') }),
    files: z.record(filePath, digest),
  })
  .superRefine((manifest, context) => {
    for (const [index, route] of manifest.routes.entries()) {
      if (manifest.services[route.service]?.role !== 'web') {
        context.addIssue({
          code: 'custom',
          path: ['routes', index, 'service'],
          message: `"${route.service}" is no web service of the manifest`,
        });
      }
    }
    for (const name of Object.keys(manifest.health)) {
      if (manifest.services[name]?.role !== 'web') {
        context.addIssue({ code: 'custom', path: ['health', name], message: 'is no web service of the manifest' });
      }
    }
    for (const [name, service] of Object.entries(manifest.services)) {
      if (service.role === 'web' && manifest.health[name] === undefined) {
        context.addIssue({
          code: 'custom',
          path: ['health', name],
          message: 'is missing: every web service has a health contract',
        });
      }
    }
    if (manifest.files['compose.yaml'] === undefined) {
      context.addIssue({ code: 'custom', path: ['files', 'compose.yaml'], message: 'is missing' });
    }
  });
export type Manifest = z.infer<typeof ManifestSchema>;

/** Reads a manifest; throws ContractError `manifest` naming the first field that is wrong. */
export function parseManifest(text: string): Manifest {
  return parseDocument('manifest', ManifestSchema, text, 1024 * 1024);
}
