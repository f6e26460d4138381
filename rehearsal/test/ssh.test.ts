import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { runHere } from './action.ts';
import type { Inputs } from './action.ts';
import { errorLine, expectCode } from './expect.ts';
import { must } from './process.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();
const { facts } = stage;

/** `rollback` to a release that does not exist: it logs in, rings the launcher and changes nothing. */
const NOWHERE = '20200101T000000Z-abcdef0';

function inputs(more: Inputs): Inputs {
  return {
    ...stage.ssh(),
    'vps-user': 'deploy',
    'ssh-private-key': facts.deployKey.private,
    release: NOWHERE,
    ...more,
  };
}

describe('reaching the host', () => {
  it('names host and port when nothing listens, at once', async () => {
    const ran = await runHere(
      'rollback',
      inputs({
        'vps-host': '127.0.0.1',
        'ssh-port': '9',
        'known-hosts': 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU',
      }),
    );
    expectCode(ran, 1);
    expect(errorLine(ran)).toContain('127.0.0.1:9');
    expect(ran.wallMs).toBeLessThan(5000);
  });

  it('gives up on a host that never answers within the connect timeout', async () => {
    // 192.0.2.1 is an address for documentation: nobody has it.
    const pinned = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU';
    const ran = await runHere(
      'rollback',
      inputs({ 'vps-host': '192.0.2.1', 'ssh-port': '22', 'connect-timeout-seconds': '2', 'known-hosts': pinned }),
    );
    expectCode(ran, 1);
    expect(errorLine(ran)).toContain('192.0.2.1:22');
    expect(ran.wallMs).toBeLessThan(6000);
  });

  it('gives up on a port that takes the connection and says nothing', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const port = String((silent.address() as AddressInfo).port);
    try {
      const pinned = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU';
      const ran = await runHere(
        'rollback',
        inputs({ 'vps-host': '127.0.0.1', 'ssh-port': port, 'connect-timeout-seconds': '2', 'known-hosts': pinned }),
      );
      expectCode(ran, 1);
      expect(errorLine(ran)).toContain(`127.0.0.1:${port}`);
      expect(ran.wallMs).toBeLessThan(6000);
    } finally {
      silent.close();
    }
  });

  it('names a host that does not resolve', async () => {
    const ran = await runHere(
      'rollback',
      inputs({
        'vps-host': 'no-such-host.invalid',
        'known-hosts': 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU',
      }),
    );
    expectCode(ran, 1);
    expect(errorLine(ran)).toContain('no-such-host.invalid');
  });
});

describe('against the real sshd', () => {
  const here = { 'vps-host': '127.0.0.1', 'ssh-port': String(facts.vps.sshPort) };
  let fingerprint = '';
  beforeAll(async () => {
    await stage.firstDeploy();
    fingerprint = (await stage.vpsShell('ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub')).split(' ')[1] ?? '';
  }, 600_000);

  it.each(['rollback', 'deploy-release', 'provision-vps'] as const)(
    '%s refuses another host key, gives the offered fingerprint and sends nothing',
    async (action) => {
      const wrong = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU';
      const more = { ...here, 'known-hosts': wrong };
      const base =
        action === 'provision-vps'
          ? stage.provisionInputs()
          : action === 'rollback'
            ? inputs({})
            : stage.deployInputs(`${facts.registry.host}/x@sha256:${'ab'.repeat(32)}`);
      const ran = await runHere(action, { ...base, ...more });
      expectCode(ran, 1);
      expect(errorLine(ran)).toContain(fingerprint);
      expect(errorLine(ran)).toContain(`127.0.0.1:${here['ssh-port']}`);
    },
  );

  it('takes a fingerprint for known-hosts', async () => {
    const ran = await runHere('rollback', inputs({ ...here, 'known-hosts': fingerprint }));
    expect(errorLine(ran)).toContain(NOWHERE);
  });

  it('says when the key is not let in', async () => {
    const file = join(facts.directory, 'stranger');
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file]).catch(() => undefined);
    const ran = await runHere(
      'rollback',
      inputs({ ...here, 'known-hosts': fingerprint, 'ssh-private-key': await readFile(file, 'utf8') }),
    );
    expectCode(ran, 1);
    expect(errorLine(ran)).toMatch(/deploy/);
    expect(ran.log).not.toMatch(/BEGIN OPENSSH/);
  });

  describe('forms of the private key', () => {
    const forms: [string, (key: string) => string, boolean][] = [
      ['as ssh-keygen writes it', (key) => key, true],
      ['with CRLF', (key) => key.replaceAll('\n', '\r\n'), true],
      ['without the last newline', (key) => key.trimEnd(), true],
      ['with a byte order mark', (key) => `\uFEFF${key}`, true],
      ['with blank lines in front', (key) => `\n\n${key}`, true],
      ['with spaces for line ends', (key) => key.replaceAll('\n', ' '), false],
      ['indented', (key) => key.replace(/^/gm, '  '), false],
      ['with trailing blanks', (key) => key.replace(/\n/g, ' \n'), false],
      ['cut short', (key) => key.slice(0, key.length / 2), false],
      ['base64 of the file', (key) => Buffer.from(key).toString('base64'), false],
      ['the public key', () => facts.deployKey.public, false],
    ];
    it.each(forms)('%s', async (_what, change, accepted) => {
      const ran = await runHere(
        'rollback',
        inputs({ ...here, 'known-hosts': fingerprint, 'ssh-private-key': change(facts.deployKey.private) }),
      );
      expectCode(ran, 1);
      if (accepted) expect(errorLine(ran)).toContain(NOWHERE);
      else expect(errorLine(ran)).toMatch(/ssh-key|private key/i);
      for (const line of facts.deployKey.private.split('\n').slice(1, -2)) expect(ran.log).not.toContain(line);
    });

    it.each([
      ['RSA in PEM', ['-t', 'rsa', '-b', '2048', '-m', 'PEM']],
      ['ECDSA', ['-t', 'ecdsa']],
    ])('%s', async (what, args) => {
      const file = join(facts.directory, `key-${what.replaceAll(' ', '-')}`);
      await must('ssh-keygen', ['-q', ...args, '-N', '', '-C', '', '-f', file]);
      const line = (await readFile(`${file}.pub`, 'utf8')).trim();
      await stage.vpsShell(
        'echo "restrict,command=\\"/opt/edge/bin/release fixture\\" $1" >> ~deploy/.ssh/authorized_keys',
        line,
      );
      const ran = await runHere(
        'rollback',
        inputs({ ...here, 'known-hosts': fingerprint, 'ssh-private-key': await readFile(file, 'utf8') }),
      );
      expect(errorLine(ran)).toContain(NOWHERE);
    });

    it('with a passphrase: opened by the right one, refused without', async () => {
      const file = join(facts.directory, 'deploy_key_locked');
      await copyFile(join(facts.directory, 'deploy_key'), file);
      await must('chmod', ['600', file]);
      await must('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', file]);
      const key = await readFile(file, 'utf8');
      await writeFile(file, '');
      const base = { ...here, 'known-hosts': fingerprint, 'ssh-private-key': key };
      const opened = await runHere('rollback', inputs({ ...base, 'ssh-private-key-passphrase': 'open sesame' }));
      expect(errorLine(opened)).toContain(NOWHERE);
      const locked = await runHere('rollback', inputs(base));
      expect(errorLine(locked)).toMatch(/passphrase/);
    });
  });
});
