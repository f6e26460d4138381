import { z } from 'zod';
import { appName, HealthSchema, ProbesSchema } from '@delivery/release';

/** Directories of /opt that are the host's own: the edge's, and the one that containerd makes. */
const RESERVED_APPS = ['edge', 'containerd'];

/**
 * The key `x-release` of a compose file: what compose cannot say. Every schema is strict: an unknown key is an error that names it.
 * A route's host may hold `${VAR}`; it is checked as a host name once the variables are known.
 */
export const TopExtensionSchema = z.strictObject({
  app: appName.refine((name) => !RESERVED_APPS.includes(name), {
    error: `must not be a name of the host's own (${RESERVED_APPS.join(', ')})`,
  }),
});
export type TopExtension = z.infer<typeof TopExtensionSchema>;

export const RouteExtensionSchema = z.strictObject({
  host: z.string().min(1),
  path: z.string().min(1).default('/'),
  priority: z.int().min(1).max(1_000_000).optional(),
});
export type RouteExtension = z.infer<typeof RouteExtensionSchema>;

export const WebExtensionSchema = z.strictObject({
  role: z.literal('web'),
  port: z.int().min(1).max(65535),
  replicas: z.int().min(1).max(32).default(1),
  routes: z.array(RouteExtensionSchema).min(1),
  health: HealthSchema.prefault({}),
  probes: ProbesSchema.optional(),
  drainSeconds: z.int().min(0).max(3600).default(30),
});
export type WebExtension = z.infer<typeof WebExtensionSchema>;

export const ServiceExtensionSchema = z.discriminatedUnion('role', [
  WebExtensionSchema,
  z.strictObject({ role: z.literal('worker') }),
  z.strictObject({ role: z.literal('job') }),
  z.strictObject({ role: z.literal('backing') }),
  z.strictObject({ role: z.literal('edge') }),
]);
export type ServiceExtension = z.infer<typeof ServiceExtensionSchema>;
