import { createServer, type Server } from 'node:http';
import { Ignitor } from '@adonisjs/core';
import adonisRc from '../adonisrc.ts';
import { SettingsError } from '../app/settings.ts';

/** Longer than the edge keeps idle connections (4 s), so that the edge, not this server, always closes first. */
const KEEP_ALIVE_MS = 65_000;
/** How long running requests and answers may take after SIGTERM. */
const DRAIN_MS = 20_000;

const ROOT = new URL('../', import.meta.url);
let server: Server | undefined;

async function start(): Promise<void> {
  // Safe unless said otherwise; it also keeps Adonis from writing generated types beside the sources.
  process.env['NODE_ENV'] ??= 'production';
  // Checked before anything else, so that a missing key is one clear line and no stack trace.
  const { settings } = await import('../start/settings.ts');
  process.env['HOST'] = settings.host;
  process.env['PORT'] = String(settings.port);

  const ignitor = new Ignitor(ROOT, { importer: (path) => import(path) }).tap((app) => {
    app.rcContents(adonisRc);
    const stop = (): void => void drainAndStop(() => app.terminate());
    app.listen('SIGTERM', stop);
    app.listen('SIGINT', stop);
  });
  await ignitor.httpServer().start((handler) => {
    server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: KEEP_ALIVE_MS + 5000 }, handler);
    return server;
  });
}

/** Stops accepting, lets requests and answers finish, then closes the rest. `terminate` disconnects mongoose. */
async function drainAndStop(terminate: () => Promise<void>): Promise<void> {
  const { draining } = await import('../app/services/draining.ts');
  if (draining.active) return;
  draining.active = true;
  const { answers } = await import('../start/services.ts');
  // Connections that become idle while draining would otherwise stay open for the keep-alive time.
  const closeIdle = setInterval(() => server?.closeIdleConnections(), 100);
  const closed = new Promise<void>((resolve) => server?.close(() => resolve()));
  const cutOff = setTimeout(() => server?.closeAllConnections(), DRAIN_MS);
  await Promise.all([closed, answers.drain(DRAIN_MS)]);
  clearInterval(closeIdle);
  clearTimeout(cutOff);
  await terminate();
  process.exit(0);
}

start().catch((error: unknown) => {
  console.error(error instanceof SettingsError ? `brainbytes-api: ${error.message}` : error);
  process.exit(1);
});
