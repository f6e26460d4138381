/** Builds images on the machine's Docker from Debian packages and programs of ours; each is tagged with the key of its recipe. */
import { cp, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recipeKey, withLock, type Log } from './cache.ts';
import { ACT, binaryKey, ensureBinary, FERRETDB, SYFT, TRAEFIK, WATCHTOWER, type ProgramRecipe } from './binaries.ts';
import { attempt, run } from './command.ts';
import {
  aptSettings,
  aptSources,
  debianMirror,
  ensureProgram,
  machineAuthorities,
  reachEnvironment,
  SUITE,
} from './machine.ts';
import { ensureNode, nodeKey } from './node.ts';

const BASE_PACKAGES = 'minbase, no documentation, layout 1';

/** True where the machine's Docker has this image. */
export async function hasImage(reference: string): Promise<boolean> {
  return (await attempt('docker', ['image', 'inspect', '--format', '{{.Id}}', reference])).code === 0;
}

async function baseRecipe(): Promise<{ reference: string; sources: string; settings: string }> {
  const sources = aptSources(debianMirror());
  const settings = await aptSettings();
  return { reference: `delivery/base:${recipeKey(SUITE, BASE_PACKAGES, sources, settings)}`, sources, settings };
}

/** The base of all images: a small Debian by mmdebstrap. Gives its reference. */
async function ensureBase(log: Log): Promise<string> {
  const { reference, sources, settings } = await baseRecipe();
  return withLock('image-base', async () => {
    if (await hasImage(reference)) return reference;
    await ensureProgram('mmdebstrap', ['mmdebstrap', 'debian-archive-keyring'], log);
    log(`building Debian ${SUITE} (once)`);
    const directory = await mkdtemp(join(tmpdir(), 'rehearsal-base-'));
    try {
      const tarball = join(directory, 'base.tar');
      const settingsFile = '"$1/etc/apt/apt.conf.d/90machine"';
      await run(
        'mmdebstrap',
        [
          '--variant=minbase',
          ...['man', 'doc', 'locale', 'info'].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`),
          // The settings ride in the environment: a hook is shell text, and nothing of the machine belongs into that.
          `--customize-hook=printf %s "$REHEARSAL_APT" > ${settingsFile}`,
          SUITE,
          tarball,
          ...(sources === '' ? [] : ['-']),
        ],
        { input: sources, env: { REHEARSAL_APT: settings } },
      );
      await run('docker', ['import', '--change', 'CMD ["bash"]', tarball, reference]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    return reference;
  });
}

/** Something that is put beside a Dockerfile before its image is built. */
interface Extra {
  key: () => Promise<string>;
  /** Gives its path; builds it first where it is missing. */
  ensure: (log: Log) => Promise<string>;
}

/** One image: a directory with a Dockerfile below images/, what it builds on, and what is put beside it. */
interface ImageRecipe {
  name: string;
  /** Null for the small Debian. */
  base: ImageRecipe | null;
  /** By their names in the build context. */
  extras: Record<string, Extra>;
}

const NODE: Extra = { key: nodeKey, ensure: ensureNode };

/** The authorities that this machine trusts; not part of a recipe's key, because what is built is the same with any. */
const AUTHORITIES: Extra = {
  key: () => Promise.resolve(''),
  ensure: () => {
    const bundle = machineAuthorities();
    if (bundle === null)
      throw new Error('no bundle of certificate authorities on this machine: install ca-certificates');
    return realpath(bundle);
  },
};

function program(recipe: ProgramRecipe): Extra {
  return { key: () => Promise.resolve(binaryKey(recipe)), ensure: (log) => ensureBinary(recipe, log) };
}

const HOST: ImageRecipe = { name: 'host', base: null, extras: {} };

/** A bare server. */
export const VPS: ImageRecipe = { name: 'vps', base: HOST, extras: {} };

/** The runner. */
export const RUNNER: ImageRecipe = {
  name: 'runner',
  base: HOST,
  extras: { local: NODE, act: program(ACT), syft: program(SYFT) },
};

/** Where Ansible runs; `collections` is for the playbooks that rely on more than ansible-core. */
export const ANSIBLE: ImageRecipe = {
  name: 'ansible',
  base: null,
  extras: { local: NODE, 'machine-ca.pem': AUTHORITIES },
};
export const ANSIBLE_COLLECTIONS: ImageRecipe = { name: 'ansible-collections', base: ANSIBLE, extras: {} };

/** Both registries. */
export const REGISTRY: ImageRecipe = { name: 'registry', base: null, extras: {} };

/** What compose files name, by its name on Docker Hub, and how it is made where Docker Hub is out of reach; null is the small Debian. */
export const STAND_INS: Record<string, ImageRecipe | null> = {
  'library/debian:trixie-slim': null,
  'library/node:24-trixie-slim': { name: 'node', base: null, extras: { local: NODE } },
  'library/traefik:v3.6.12': { name: 'traefik', base: null, extras: { traefik: program(TRAEFIK) } },
  'library/mongo:8': { name: 'mongo', base: null, extras: { mongod: program(FERRETDB) } },
  'tecnativa/docker-socket-proxy:0.3.0': { name: 'socket-proxy', base: null, extras: {} },
  'nickfedor/watchtower:1.11.0': { name: 'watchtower', base: null, extras: { watchtower: program(WATCHTOWER) } },
};

/** The name that an image of this recipe has on the machine, whether it is there or not. */
export async function imageReference(recipe: ImageRecipe | null): Promise<string> {
  if (recipe === null) return (await baseRecipe()).reference;
  const source = join(import.meta.dirname, 'images', recipe.name);
  const names = (await readdir(source)).sort();
  const content = await Promise.all(names.map((name) => readFile(join(source, name), 'utf8')));
  const extras = await Promise.all(
    Object.entries(recipe.extras).map(async ([name, extra]) => `${name} ${await extra.key()}`),
  );
  return `delivery/${recipe.name}:${recipeKey(await imageReference(recipe.base), ...extras, ...names, ...content)}`;
}

/** Gives the reference of an image; builds it first where it is missing. */
export async function ensureImage(recipe: ImageRecipe | null, log: Log): Promise<string> {
  const reference = await imageReference(recipe);
  if (await hasImage(reference)) return reference;
  if (recipe === null) return ensureBase(log);
  return withLock(`image-${recipe.name}`, async () => {
    if (await hasImage(reference)) return reference;
    const base = await ensureImage(recipe.base, log);
    const context = await mkdtemp(join(tmpdir(), 'rehearsal-image-'));
    try {
      await cp(join(import.meta.dirname, 'images', recipe.name), context, { recursive: true });
      for (const [name, extra] of Object.entries(recipe.extras)) {
        await cp(await extra.ensure(log), join(context, name), { recursive: true, verbatimSymlinks: true });
      }
      log(`building image ${recipe.name} (once)`);
      const reach = Object.keys(reachEnvironment()).filter((name) => /proxy$|^pip_index_url$/i.test(name));
      const argv = ['--build-arg', `BASE=${base}`, ...reach.flatMap((name) => ['--build-arg', name])];
      // The classic builder is in every Docker; buildx is a plugin that a plain docker.io comes without.
      await run('docker', ['build', '-q', '-t', reference, ...argv, context], { env: { DOCKER_BUILDKIT: '0' } });
    } finally {
      await rm(context, { recursive: true, force: true });
    }
    return reference;
  });
}
