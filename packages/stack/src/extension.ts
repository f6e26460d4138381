import { z } from 'zod';
import { appName, HealthSchema, ProbesSchema } from '@delivery/release';

/** Directories of /opt that are the host's own: the edge's, and the one that containerd makes. */
const RESERVED_APPS = ['edge', 'containerd'];

/** The database schema that the release's migrations lead to. */
export const SchemaExtensionSchema = z
  .strictObject({
    version: z.int().min(1),
    /** The oldest schema number whose code can still run on `version`. Left out, none but `version` itself. */
    compatibleFrom: z.int().min(0).optional(),
  })
  .refine(({ version, compatibleFrom = version }) => compatibleFrom <= version, {
    path: ['compatibleFrom'],
    error: 'must not be greater than version',
  });

/**
 * The key `x-release` of a compose file: what compose cannot say. Every schema is strict: an unknown key is an error that names it.
 * A route's host may hold `${VAR}`; it is checked as a host name once the variables are known.
 */
export const TopExtensionSchema = z.strictObject({
  app: appName.refine((name) => !RESERVED_APPS.includes(name), {
    error: `must not be a name of the host's own (${RESERVED_APPS.join(', ')})`,
  }),
  schema: SchemaExtensionSchema.optional(),
});
export type TopExtension = z.infer<typeof TopExtensionSchema>;

export const RouteExtensionSchema = z.strictObject({
  host: z.string().min(1),
  path: z.string().min(1).default('/'),
  priority: z.int().min(1).max(1_000_000).optional(),
});
export type RouteExtension = z.infer<typeof RouteExtensionSchema>;

/**
 * Names of volumes, and paths below /opt/<app>/data, that two containers of the service may write to at once. What a service that runs
 * twice during a deploy mounts read-write and is not listed here is refused.
 */
const shared = z.array(z.string().min(1)).optional();

/** A directory of an image: absolute, written the one way that there is, and no path that compose or a shell would read more into. */
const assetPath = z
  .string()
  .max(256)
  .regex(
    /^(\/[A-Za-z0-9@_.+-]+)+$/,
    'must be an absolute path of letters, digits and @_.+-, without a slash at its end',
  )
  .refine((path) => !path.split('/').some((part) => part === '.' || part === '..'), 'must hold no . or .. parts');

export const WebExtensionSchema = z.strictObject({
  role: z.literal('web'),
  port: z.int().min(1).max(65535),
  replicas: z.int().min(1).max(32).default(1),
  routes: z.array(RouteExtensionSchema).min(1),
  health: HealthSchema.prefault({}),
  probes: ProbesSchema.optional(),
  /** Directories of the image with files that bear a hash in their name; those of every kept release stay fetchable. */
  assets: z.array(assetPath).min(1).max(8).optional(),
  drainSeconds: z.int().min(0).max(3600).default(30),
  shared,
});
export type WebExtension = z.infer<typeof WebExtensionSchema>;

/**
 * Work that can be done by two at once. Without it the one of the old colour has ended before that of the new one starts, and nobody
 * works for the moment in between.
 */
const overlap = z.boolean().optional();

/** A job may take this long where the file says nothing, in seconds. */
const JOB_TIMEOUT_SECONDS = 600;

export const JobExtensionSchema = z.strictObject({
  role: z.literal('job'),
  /** `migration` changes the database; `backup` runs before it, and only when the schema number rises. */
  purpose: z.enum(['migration', 'backup']).default('migration'),
  timeoutSeconds: z.int().min(1).max(86_400).default(JOB_TIMEOUT_SECONDS),
});
export type JobExtension = z.infer<typeof JobExtensionSchema>;

export const ServiceExtensionSchema = z.discriminatedUnion('role', [
  WebExtensionSchema,
  z.strictObject({ role: z.literal('worker'), overlap, shared }),
  z.strictObject({ role: z.literal('scheduler'), overlap, shared }),
  JobExtensionSchema,
  z.strictObject({ role: z.literal('backing') }),
  z.strictObject({ role: z.literal('edge') }),
]);
export type ServiceExtension = z.infer<typeof ServiceExtensionSchema>;
