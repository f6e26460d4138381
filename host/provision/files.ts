import { readFileSync } from 'node:fs';

// Written as `new URL(<literal>, import.meta.url)`, so that the bundler copies each file beside its bundle.

/** The launcher, the only program that a deploy key can start. */
export const launcher = readFileSync(new URL('../release', import.meta.url), 'utf8');
/** The edge's compose project. */
export const edgeCompose = readFileSync(new URL('../edge/compose.yaml', import.meta.url), 'utf8');
/** The edge's static configuration. */
export const edgeStatic = readFileSync(new URL('../edge/traefik.yaml', import.meta.url), 'utf8');
/** What is added to it where certificates come by ACME; holds @ACME_EMAIL@. */
export const edgeAcme = readFileSync(new URL('../edge/acme.yaml', import.meta.url), 'utf8');
