/**
 * The front end's server: Next's own request handler behind our headers, health and graceful stop.
 * It runs in the standalone output, on Node alone.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import path from 'node:path';
import { lateAssets } from './late-assets.ts';
import { securityHeaders } from './security.ts';

/** Longer than the edge keeps idle connections (4 s), so that the edge always closes first. */
const KEEP_ALIVE_MS = 65_000;
const DRAIN_MS = 20_000;

const dir = import.meta.dirname;
const port = Number(process.env['PORT'] || 3000);
const hostname = process.env['HOST'] || '0.0.0.0';
const releaseId = process.env['RELEASE_ID'] || 'dev';
if (!/^\d{1,5}$/.test(process.env['PORT'] || '3000') || port > 65_535)
  fail('PORT must be a whole number from 0 to 65535.');
if (!/^[0-9A-Za-z][0-9A-Za-z._+-]{0,127}$/.test(releaseId)) {
  fail('RELEASE_ID may only hold letters, digits, ".", "_", "+" and "-" (at most 128).');
}

const read = (name: string): unknown => JSON.parse(readFileSync(path.join(dir, name), 'utf8'));
const headers = securityHeaders(read('script-hashes.json') as string[], releaseId);
const { config } = read('.next/required-server-files.json') as { config: object };
// How Next's own standalone server hands over the build's configuration.
Object.assign(process.env, {
  NODE_ENV: 'production',
  NEXT_TELEMETRY_DISABLED: '1',
  __NEXT_PRIVATE_STANDALONE_CONFIG: JSON.stringify(config),
});
process.chdir(dir);
const answerLate = lateAssets(path.join(dir, '.next/static'));

const { default: next } = await import('next');
const app = next({ dev: false, dir, hostname, port, conf: config });
await app.prepare();
const handle = app.getRequestHandler();

let draining = false;
const server = createServer(
  { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: KEEP_ALIVE_MS + 5000 },
  (request, response) => {
    answer(request, response).catch((error: unknown) => {
      console.error(JSON.stringify({ name: 'brainbytes-web', release: releaseId, msg: String(error) }));
      if (!response.headersSent) response.statusCode = 500;
      response.end();
    });
  },
);

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (draining) response.setHeader('Connection', 'close');
  if (request.url === '/healthz' && (request.method === 'GET' || request.method === 'HEAD')) {
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.end('{"status":"healthy"}');
    return;
  }
  if (await answerLate(request, response)) return;
  // Pages are static and carry no personal data; after a switch of releases they must not linger in caches.
  if (!request.url?.startsWith('/_next/static/')) response.setHeader('Cache-Control', 'no-cache');
  await handle(request, response);
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);

/** Stops accepting, lets running requests finish for at most 20 s, then exits with 0. */
function stop(): void {
  if (draining) return;
  draining = true;
  server.close(() => process.exit(0));
  setInterval(() => server.closeIdleConnections(), 100).unref();
  setTimeout(() => server.closeAllConnections(), DRAIN_MS).unref();
}

server.listen(port, hostname, () => {
  console.log(JSON.stringify({ name: 'brainbytes-web', release: releaseId, msg: `listening on ${hostname}:${port}` }));
});

function fail(message: string): never {
  console.error(`brainbytes-web: ${message}`);
  process.exit(1);
}
