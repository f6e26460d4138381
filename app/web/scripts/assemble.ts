/**
 * Completes Next's standalone output: static files, our server, and the hashes of the inline scripts
 * of every prerendered page, so that the content security policy needs no 'unsafe-inline'.
 */
import { createHash } from 'node:crypto';
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const web = path.join(import.meta.dirname, '..');
const build = path.join(web, '.next');
const target = path.join(build, 'standalone/app/web');

const hashes = new Set<string>();
for (const page of globSync('server/**/*.html', { cwd: build })) {
  const html = readFileSync(path.join(build, page), 'utf8');
  for (const [, attributes = '', body = ''] of html.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)) {
    if (/\bsrc=/.test(attributes) || body === '') continue;
    hashes.add(`'sha256-${createHash('sha256').update(body).digest('base64')}'`);
  }
  // Next's own last-resort error pages may lose their styling; ours may not.
  if (/<style\b|\sstyle="/.test(html) && !/^server\/(pages\/|app\/_global-error)/.test(page)) {
    throw new Error(`${page} has inline styles, which the content security policy forbids`);
  }
}
if (hashes.size === 0) throw new Error('the build has no prerendered page');

cpSync(path.join(build, 'static'), path.join(target, '.next/static'), { recursive: true });
cpSync(path.join(web, 'public'), path.join(target, 'public'), { recursive: true });
for (const file of ['serve.ts', 'security.ts', 'late-assets.ts']) cpSync(path.join(web, file), path.join(target, file));
// The image optimizer is off; its native library is half of the output.
for (const unused of ['sharp', '@img'])
  rmSync(path.join(build, 'standalone/node_modules', unused), { recursive: true, force: true });
writeFileSync(path.join(target, 'script-hashes.json'), JSON.stringify([...hashes].sort(), null, 2));
console.log(`standalone front end complete: ${hashes.size} inline scripts hashed`);
