/** A certificate authority of one instance, by openssl; its key never leaves the state directory. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../standins/command.ts';
import { ensureProgram } from '../standins/machine.ts';

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export interface Authority {
  /** PEM. */
  certificate: string;
  /** Issues a certificate for names and addresses, valid for 90 days where nothing else is said; both PEM. */
  issue(hosts: string[], days?: number): Promise<{ certificate: string; key: string }>;
}

/** Gives the authority that is kept in a directory (mode 0700); makes it first where it is missing. */
export async function ensureAuthority(directory: string): Promise<Authority> {
  const certificateFile = join(directory, 'ca.pem');
  const keyFile = join(directory, 'ca.key');
  if (!existsSync(certificateFile)) {
    await ensureProgram('openssl', ['openssl'], () => undefined);
    await run('openssl', [
      ...[
        'req',
        '-x509',
        ...CURVE,
        '-days',
        '365',
        '-subj',
        '/CN=Rehearsal authority',
        '-keyout',
        keyFile,
        '-out',
        certificateFile,
      ],
      ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ]);
  }
  return {
    certificate: await readFile(certificateFile, 'utf8'),
    async issue(hosts, days = 90) {
      const [first] = hosts;
      if (first === undefined) throw new Error('a certificate needs one host at least');
      const work = await mkdtemp(join(tmpdir(), 'rehearsal-certificate-'));
      try {
        const file = (name: string) => join(work, name);
        const names = hosts.map((host) => (isIP(host) ? `IP:${host}` : `DNS:${host}`)).join(',');
        await writeFile(
          file('extensions'),
          `subjectAltName=${names}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n`,
        );
        await run('openssl', [
          'req',
          '-new',
          ...CURVE,
          '-subj',
          '/CN=rehearsal',
          '-keyout',
          file('key'),
          '-out',
          file('request'),
        ]);
        await run('openssl', [
          ...['x509', '-req', '-in', file('request'), '-CA', certificateFile, '-CAkey', keyFile, '-days', String(days)],
          ...[
            '-set_serial',
            `0x${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`,
            '-extfile',
            file('extensions'),
            '-out',
            file('certificate'),
          ],
        ]);
        return { certificate: await readFile(file('certificate'), 'utf8'), key: await readFile(file('key'), 'utf8') };
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    },
  };
}
