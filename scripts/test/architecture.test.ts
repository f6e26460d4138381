import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');

/** Which of our packages each room may import; a room that is not named here may import none. */
const allowed: Record<string, string[]> = {
  'packages/release': [],
  'packages/health': [],
  'packages/ssh': [],
  'packages/stack': ['@delivery/release'],
  'packages/trust': ['@delivery/release'],
  'packages/runner': ['@delivery/release', '@delivery/ssh'],
  agent: ['@delivery/release', '@delivery/stack', '@delivery/health', '@delivery/trust'],
  'actions/build-images': ['@delivery/release', '@delivery/stack', '@delivery/runner', '@delivery/trust'],
  'actions/provision-vps': ['@delivery/release', '@delivery/ssh', '@delivery/runner', '@delivery/trust'],
  'actions/deploy-release': ['@delivery/release', '@delivery/ssh', '@delivery/runner'],
  'actions/rollback': ['@delivery/release', '@delivery/ssh', '@delivery/runner'],
  'actions/verify-health': ['@delivery/health', '@delivery/runner'],
};

/** Rooms that must stay free of I/O towards GitHub, SSH and Docker. */
const pure = ['packages/release', 'packages/stack'];
const outward = /^(@actions\/|ssh2|node-ssh|undici|node:(child_process|net|http|https|fs|fs\/promises)$)/;

function importsOf(room: string): { file: string; name: string }[] {
  const dir = join(root, room, 'src');
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return files.flatMap((file) =>
    [...readFileSync(join(dir, file), 'utf8').matchAll(/(?:from|import\()\s*'([^'.][^']*)'/g)].map((match) => ({
      file: `${room}/src/${file}`,
      name: match[1] ?? '',
    })),
  );
}

describe('dependencies point one way', () => {
  it.each(Object.entries(allowed))('%s imports only what it may', (room, names) => {
    const ours = importsOf(room)
      .filter(({ name }) => name.startsWith('@delivery/'))
      .map(({ file, name }) => ({ file, name: name.split('/').slice(0, 2).join('/') }));
    expect(ours.filter(({ name }) => !names.includes(name))).toEqual([]);
  });

  it.each(pure)('%s reaches nothing outside', (room) => {
    expect(importsOf(room).filter(({ name }) => outward.test(name))).toEqual([]);
  });

  it('nothing deletes anything in a registry', () => {
    // Docker's own API is the one place that deletes, on the host: images and containers there.
    const deleting = Object.keys(allowed).flatMap((room) =>
      readdirSync(join(root, room, 'src'), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts') && `${room}/${file}` !== 'agent/docker.ts')
        .filter((file) =>
          /'DELETE'|manifest delete|delete-package/.test(readFileSync(join(root, room, 'src', file), 'utf8')),
        )
        .map((file) => `${room}/src/${file}`),
    );
    expect(deleting).toEqual([]);
    for (const file of readdirSync(join(root, '.github/workflows')))
      expect(readFileSync(join(root, '.github/workflows', file), 'utf8')).not.toMatch(/delete-package|--method DELETE/);
  });

  it('relative imports stay inside their room', () => {
    const escaping = Object.keys(allowed).flatMap((room) => {
      const dir = join(root, room, 'src');
      return readdirSync(dir, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .flatMap((file) =>
          [...readFileSync(join(dir, file), 'utf8').matchAll(/from '(\.[^']*)'/g)]
            .map((match) => resolve(dir, file, '..', match[1] ?? ''))
            .filter((target) => !target.startsWith(dir) && !target.startsWith(join(root, 'host')))
            .map((target) => `${room}/src/${file} -> ${target.slice(root.length + 1)}`),
        );
    });
    expect(escaping).toEqual([]);
  });
});
