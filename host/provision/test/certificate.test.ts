import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { certificateReading } from '../certificate.ts';
import type { HostPlan } from '../tasks.ts';

const ACME: HostPlan['tls'] = { mode: 'acme', email: 'me@example.org' };
const FILES: HostPlan['tls'] = { mode: 'files', certificate: '', key: '' };

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'certificate-'));
  for (const directory of ['opt/edge/certs', 'opt/edge/dynamic', 'bin'])
    mkdirSync(join(root, directory), { recursive: true });
  for (const days of ['13', '15'])
    execFileSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x'],
      ...['-days', days, '-keyout', join(root, 'key'), '-out', join(root, days)],
    ]);
  const real = execFileSync('sh', ['-c', 'command -v openssl'], { encoding: 'utf8' }).trim();
  // An edge that has one certificate for a host name, another for the next, and none for the last.
  writeFileSync(
    join(root, 'bin/openssl'),
    `#!/bin/sh
case "$*" in
  *'-servername soon.test'*) cat ${root}/13 ;;
  *'-servername late.test'*) cat ${root}/15 ;;
  s_client*) exit 1 ;;
  *) exec ${real} "$@" ;;
esac
`,
    { mode: 0o755 },
  );
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What the reading finds, as `name: found`, with the script's paths moved below the test's directory. */
function found(tls: HostPlan['tls']): string[] {
  const { shell, judge } = certificateReading({ app: 'shop', tls });
  const script = `set -eu\nreading() {\n${shell.replaceAll('/opt/', `${root}/opt/`)}\n}\nreading 2>/dev/null`;
  const { stdout, status } = spawnSync('sh', ['-c', script], {
    encoding: 'utf8',
    env: { PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}` },
  });
  expect(status).toBe(0);
  return judge(stdout.trim()).map(({ what, found }) => `${what}: ${found}`);
}

describe('the reading of certificates', () => {
  it('finds a certificate from files that ends in less than fourteen days, or is not there', () => {
    const file = join(root, 'opt/edge/certs/shop.tls.crt');
    writeFileSync(file, readFileSync(join(root, '15')));
    expect(found(FILES)).toEqual([]);
    writeFileSync(file, readFileSync(join(root, '13')));
    expect(found(FILES)).toEqual([expect.stringMatching(/^certificate of shop: ends on .* GMT$/)]);
    writeFileSync(file, '');
    expect(found(FILES)).toEqual(['certificate of shop: none that can be read']);
  });

  it('asks the edge for those by ACME, for each host name of the app once, and for none before its first deploy', () => {
    expect(found(ACME)).toEqual([]);
    const rule = (host: string): string => `      rule: 'Host(\`${host}\`) && PathPrefix(\`/\`)'\n`;
    writeFileSync(
      join(root, 'opt/edge/dynamic/shop.yaml'),
      ['soon.test', 'late.test', 'soon.test', 'none.test'].map(rule).join(''),
    );
    expect(found(ACME)).toEqual([
      'certificate of none.test: none that can be read',
      expect.stringMatching(/^certificate of soon\.test: ends on .* GMT$/),
    ]);
  });
});
