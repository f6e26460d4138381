/**
 * Hashed files that came after the start. Next lists its static files once, when it starts; on a host the directory also gets those of
 * later releases, whose pages ask this release for them after a rollback.
 */
import { createReadStream, readdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';

const PREFIX = '/_next/static/';
const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'application/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

/** A handler for the files below `directory` that are not there yet when it is made. It says whether it has answered. */
export function lateAssets(
  directory: string,
): (request: IncomingMessage, response: ServerResponse) => Promise<boolean> {
  const known = new Set(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name)),
  );
  return async (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const file = fileOf(directory, request.url ?? '');
    if (file === null || known.has(file)) return false;
    const found = await stat(file).catch(() => null);
    if (found === null || !found.isFile()) return false;
    response.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
    response.setHeader('Content-Type', TYPES[path.extname(file)] ?? 'application/octet-stream');
    response.setHeader('Content-Length', found.size);
    if (request.method === 'HEAD') response.end();
    else
      createReadStream(file)
        .on('error', () => response.destroy())
        .pipe(response);
    return true;
  };
}

/** The file that an address means, never one outside of the directory. */
function fileOf(directory: string, url: string): string | null {
  const [address = ''] = url.split('?');
  if (!address.startsWith(PREFIX)) return null;
  try {
    const file = path.join(directory, decodeURIComponent(address.slice(PREFIX.length)));
    return file.startsWith(`${directory}${path.sep}`) && !file.includes('\0') ? file : null;
  } catch {
    return null;
  }
}
