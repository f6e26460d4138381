import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';

const run = promisify(execFile);

/** Where the browser goes and whom it trusts. */
export interface BrowserOptions {
  /** PEM file of the certificate authority to trust; none: only the system's. */
  caFile?: string | undefined;
  /** `host:port:address[:port]`, as curl's --resolve with an optional other port. */
  resolve?: string | undefined;
  executable?: string | undefined;
}

/**
 * Runs Debian's Chromium with a home of its own, in which the local authority is trusted: HTTPS is verified, never skipped.
 * @throws Error naming the missing program when chromium or certutil is not installed.
 */
export async function withBrowser<T>(options: BrowserOptions, work: (browser: Browser) => Promise<T>): Promise<T> {
  const executable = options.executable ?? '/usr/bin/chromium';
  await access(executable).catch(() => {
    throw new Error(`${executable} is missing (Debian package chromium)`);
  });
  const home = await mkdtemp(path.join(tmpdir(), 'journey-'));
  let browser: Browser | undefined;
  try {
    if (options.caFile !== undefined) await trust(home, options.caFile);
    browser = await chromium.launch({
      executablePath: executable,
      env: { ...process.env, HOME: home, XDG_CONFIG_HOME: `${home}/.config`, XDG_CACHE_HOME: `${home}/.cache` },
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        ...resolverRules(options.resolve),
      ],
    });
    return await work(browser);
  } finally {
    await browser?.close();
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Chromium's arguments for a `host:port:address[:port]`. */
export function resolverRules(resolve: string | undefined): string[] {
  if (resolve === undefined || resolve === '') return [];
  const match = /^([^:\s]+):(\d+):([0-9.]+)(?::(\d+))?$/.exec(resolve);
  if (match === null) throw new Error('resolve must be host:port:address, optionally with another port at the end');
  const [, host, port, address, otherPort] = match;
  return [`--host-resolver-rules=MAP ${host}:${port} ${address}:${otherPort ?? port}`];
}

/** Chromium on Linux trusts what stands in the NSS database of its home. */
async function trust(home: string, caFile: string): Promise<void> {
  const database = path.join(home, '.pki/nssdb');
  await mkdir(database, { recursive: true });
  try {
    await run('certutil', ['-d', `sql:${database}`, '-N', '--empty-password']);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    throw new Error('certutil is missing (Debian package libnss3-tools)', { cause: error });
  }
  await run('certutil', ['-d', `sql:${database}`, '-A', '-t', 'C,,', '-n', 'journey', '-i', caFile]);
}
