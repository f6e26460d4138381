export * from './extension.ts';
export * from './types.ts';
export { parseCompose } from './compose.ts';
export { interpolate, requiredNames } from './interpolate.ts';
export { hostPaths } from './paths.ts';
export { bakeProjection } from './project.ts';
export { contentDigest, makeManifest, seal } from './seal.ts';
export { renderBacking, renderColour, renderJobs, replicaAlias } from './render.ts';
export { parseRoute, renderRoute } from './route.ts';
