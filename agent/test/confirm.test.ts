import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Paths } from '../src/paths.ts';
import type { Run } from '../src/run.ts';
import { confirm } from '../src/steps/confirm.ts';
import { manifestOf, newHost } from './host.ts';

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const DAY = 86_400_000;

interface Pair {
  cert: string;
  key: string;
}

let work: string;
let known: Pair;
/** Served certificates by name. */
const served: Record<string, Pair> = {};

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: work, stdio: 'pipe' });
}

function pair(name: string): Pair {
  return {
    cert: readFileSync(join(work, `${name}.pem`), 'utf8'),
    key: readFileSync(join(work, `${name}.key`), 'utf8'),
  };
}

/** A root with the same name each time: only its key tells it from another one. */
function authority(name: string): Pair {
  openssl('req', '-x509', ...EC, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', '/CN=ca', '-days', '30');
  return pair(name);
}

/** A certificate that is valid from and to so many days from now; signed with `openssl ca`, which alone takes any dates. */
function issue(by: string, name: string, host: string, [from, to]: [number, number], extensions = 'leaf'): Pair {
  const date = (days: number): string =>
    `${new Date(Date.now() + days * DAY).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  writeFileSync(join(work, 'index'), '');
  writeFileSync(
    join(work, 'ca.conf'),
    `[ca]\ndefault_ca=it\n[it]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=any\nunique_subject=no
[any]\ncommonName=supplied\n[leaf]\nsubjectAltName=DNS:${host}\nextendedKeyUsage=serverAuth\n[between]\nbasicConstraints=critical,CA:TRUE\n`,
  );
  openssl('req', ...EC, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  openssl(
    ...['ca', '-batch', '-notext', '-config', 'ca.conf', '-cert', `${by}.pem`, '-keyfile', `${by}.key`],
    ...['-in', `${name}.csr`, '-out', `${name}.pem`, '-extensions', extensions],
    ...['-startdate', date(from), '-enddate', date(to)],
  );
  return pair(name);
}

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'certificates-'));
  known = authority('known');
  authority('unknown');
  served['sound'] = issue('known', 'sound', 'shop.test', [-1, 5]);
  served['ended'] = issue('known', 'ended', 'shop.test', [-5, -1]);
  served['early'] = issue('known', 'early', 'shop.test', [1, 5]);
  served['of another name'] = issue('known', 'other', 'blog.test', [-5, -1]);
  served['of another name, in its time'] = issue('known', 'soundother', 'blog.test', [-1, 5]);
  served['of an unknown authority'] = issue('unknown', 'stranger', 'shop.test', [-5, -1]);
  const between = issue('known', 'between', 'between', [-9, 9], 'between');
  const chained = issue('between', 'chained', 'shop.test', [-5, -1]);
  served['with one between'] = { ...chained, cert: `${chained.cert}${between.cert}` };
  // A certificate that may sign nothing has signed this one.
  const signed = issue('ended', 'signed', 'shop.test', [-5, -1]);
  served['by a certificate that is no authority'] = { ...signed, cert: `${signed.cert}${served['ended'].cert}` };
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

let root: string;
let paths: Paths;
let said: string[];
let run: Pick<Run, 'paths' | 'events'>;
let server: Server;
let requests: number;
beforeEach(() => {
  ({ root, paths } = newHost());
  mkdirSync(paths.certificates, { recursive: true });
  writeFileSync(join(paths.certificates, 'ca.pem'), known.cert);
  said = [];
  run = { paths, events: { log: (level: string, text: string) => said.push(`${level}: ${text}`) } as never };
  requests = 0;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(root, { recursive: true, force: true });
});

/** Asks an edge with this certificate for generation 4 of r1. */
async function ask(name: string, { hosts = ['shop.test'], generation = 4 } = {}): Promise<void> {
  const { cert, key } = served[name] ?? { cert: '', key: '' };
  server = createServer({ cert, key }, (_request, response) => {
    requests += 1;
    response.writeHead(200, { 'x-edge-generation': String(generation), 'x-release': 'r1' }).end('ok');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const edge = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const target = { manifest: manifestOf('r1'), generation: 4 };
  await confirm(run, target, new Set(hosts), { edge, limitMs: 400, firstLimitMs: 300 });
}

const dayIn = (days: number): string => new Date(Date.now() + days * DAY).toISOString().slice(0, 10);

describe('the confirmation on the public path', () => {
  it('takes three answers in a row over a certificate that is sound, and says nothing', async () => {
    await ask('sound');
    expect(requests).toBe(3);
    expect(said).toEqual([]);
  });

  it('goes on with a certificate that has ended, on a host name that was served before, and says which and what to do', async () => {
    await ask('ended');
    expect(requests).toBe(3);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(`warning: the certificate of shop.test ended on ${dayIn(-1)}`);
    expect(said[0]).toContain('docker logs edge');
  });

  it('the same where its time has not come, and over a certificate between it and the authority', async () => {
    await ask('early');
    expect(said[0]).toContain(`the certificate of shop.test begins on ${dayIn(1)}`);
    server.close();
    await ask('with one between');
    expect(said[1]).toContain(`ended on ${dayIn(-1)}`);
  });

  it('knows a certificate that has ended as the one that provisioning gave the edge, whoever signed it', async () => {
    mkdirSync(dirname(paths.tls), { recursive: true });
    writeFileSync(paths.tls, '');
    writeFileSync(paths.certificate, served['of an unknown authority']?.cert ?? '');
    await ask('of an unknown authority');
    expect(said[0]).toContain('run provision-vps with a new tls-certificate and tls-key');
  });

  it.each([
    ['of another name', /ALTNAME_INVALID/],
    ['of an unknown authority', /unknown authority/],
    ['by a certificate that is no authority', /unknown authority/],
  ])('stays a failure over a certificate that has ended and is %s', async (name, reason) => {
    await expect(ask(name)).rejects.toThrow(reason);
    expect(requests).toBe(0);
    expect(said).toEqual([]);
  });

  it('verifies the time too of a host name that is served for the first time', async () => {
    await expect(ask('ended', { hosts: [] })).rejects.toThrow(/CERT_HAS_EXPIRED/);
    expect(requests).toBe(0);
  });

  it('is refused in time over a certificate of another name that has not ended', async () => {
    await expect(ask('of another name, in its time')).rejects.toThrow(/ALTNAME_INVALID/);
  }, 10_000);

  it('wants this generation, whatever the certificate is', async () => {
    await expect(ask('ended', { generation: 3 })).rejects.toMatchObject({
      code: 'unconfirmed',
      message: expect.stringContaining('last: status 200, generation 3'),
    });
  });
});
