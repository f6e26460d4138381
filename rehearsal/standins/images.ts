/** Builds images on the machine's Docker from Debian packages and programs of ours; each is tagged with the key of its recipe. */
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { recipeKey, withLock, type Log } from './cache.ts'
import { ACT, binaryKey, ensureBinary, ferretdb, TRAEFIK, WATCHTOWER } from './binaries.ts'
import { attempt, run } from './command.ts'
import { aptSettings, aptSources, debianMirror, ensureDocker, ensureProgram, reachEnvironment, SUITE } from './machine.ts'
import { ensureNode } from './node.ts'

const BASE_PACKAGES = 'minbase, no documentation, layout 1'

/** True where the machine's Docker has this image. */
export async function hasImage(reference: string): Promise<boolean> {
  return (await attempt('docker', ['image', 'inspect', '--format', '{{.Id}}', reference])).code === 0
}

/** The base of all images: a small Debian by mmdebstrap. Gives its reference. */
export async function ensureBase(log: Log = () => undefined): Promise<string> {
  await ensureDocker(log)
  const sources = aptSources(debianMirror())
  const settings = await aptSettings()
  const reference = `delivery/base:${recipeKey(SUITE, BASE_PACKAGES, sources, settings)}`
  if (await hasImage(reference)) return reference
  return withLock('image-base', async () => {
    if (await hasImage(reference)) return reference
    await ensureProgram('mmdebstrap', ['mmdebstrap', 'debian-archive-keyring'], log)
    log(`building Debian ${SUITE} (once)`)
    const directory = await mkdtemp(join(tmpdir(), 'rehearsal-base-'))
    try {
      const tarball = join(directory, 'base.tar')
      const settingsFile = '"$1/etc/apt/apt.conf.d/90machine"'
      await run(
        'mmdebstrap',
        [
          '--variant=minbase',
          ...['man', 'doc', 'locale', 'info'].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`),
          // The settings ride in the environment: a hook is shell text, and nothing of the machine belongs into that.
          `--customize-hook=printf %s "$REHEARSAL_APT" > ${settingsFile}`,
          SUITE,
          tarball,
          '-',
        ],
        { input: sources, env: { REHEARSAL_APT: settings } },
      )
      await run('docker', ['import', '--change', 'CMD ["bash"]', tarball, reference])
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
    return reference
  })
}

/** One image: a directory with a Dockerfile below images/, and what is put beside it. */
interface ImageRecipe {
  name: string
  base: string
  /** Paths that are copied into the build context, by their name there. */
  extras: Record<string, string>
  /** Tells extras apart without reading them. */
  extraKey: string
}

async function ensureImage(recipe: ImageRecipe, log: Log): Promise<string> {
  const source = join(import.meta.dirname, 'images', recipe.name)
  const names = (await readdir(source)).sort()
  const content = await Promise.all(names.map((name) => readFile(join(source, name), 'utf8')))
  const reference = `delivery/${recipe.name}:${recipeKey(recipe.base, recipe.extraKey, ...names, ...content)}`
  if (await hasImage(reference)) return reference
  return withLock(`image-${recipe.name}`, async () => {
    if (await hasImage(reference)) return reference
    log(`building image ${recipe.name} (once)`)
    const context = await mkdtemp(join(tmpdir(), 'rehearsal-image-'))
    try {
      await cp(source, context, { recursive: true })
      for (const [name, path] of Object.entries(recipe.extras)) {
        await cp(path, join(context, name), { recursive: true, verbatimSymlinks: true })
      }
      const reach = Object.keys(reachEnvironment()).filter((name) => /proxy$/i.test(name))
      await run(
        'docker',
        ['build', '-q', '-t', reference, '--build-arg', `BASE=${recipe.base}`, ...reach.flatMap((name) => ['--build-arg', name]), context],
        // The classic builder is in every Docker; buildx is a plugin that a plain docker.io comes without.
        { env: { DOCKER_BUILDKIT: '0' } },
      )
    } finally {
      await rm(context, { recursive: true, force: true })
    }
    return reference
  })
}

const plain = { extras: {}, extraKey: '' }

/** The image of a bare server. */
export async function ensureVpsImage(log: Log): Promise<string> {
  const base = await ensureImage({ name: 'host', base: await ensureBase(log), ...plain }, log)
  return ensureImage({ name: 'vps', base, ...plain }, log)
}

/** The image of the runner. */
export async function ensureRunnerImage(log: Log): Promise<string> {
  const base = await ensureImage({ name: 'host', base: await ensureBase(log), ...plain }, log)
  const node = await ensureNode(log)
  const act = await ensureBinary(ACT, log)
  return ensureImage({ name: 'runner', base, extras: { local: node, act }, extraKey: `${node} ${binaryKey(ACT)}` }, log)
}

/** The image with both registries. */
export async function ensureRegistryImage(log: Log): Promise<string> {
  return ensureImage({ name: 'registry', base: await ensureBase(log), ...plain }, log)
}

/** The images that compose files name, by their name on Docker Hub, and how each is made where Docker Hub is out of reach. */
export const STAND_INS: Record<string, (log: Log) => Promise<string>> = {
  'library/debian:trixie-slim': ensureBase,
  'library/node:24-trixie-slim': async (log) => {
    const node = await ensureNode(log)
    return ensureImage({ name: 'node', base: await ensureBase(log), extras: { local: node }, extraKey: node }, log)
  },
  'library/traefik:v3.6.12': async (log) => {
    const traefik = await ensureBinary(TRAEFIK, log)
    return ensureImage({ name: 'traefik', base: await ensureBase(log), extras: { traefik }, extraKey: binaryKey(TRAEFIK) }, log)
  },
  'library/mongo:8': async (log) => {
    const recipe = await ferretdb()
    const mongod = await ensureBinary(recipe, log)
    return ensureImage({ name: 'mongo', base: await ensureBase(log), extras: { mongod }, extraKey: binaryKey(recipe) }, log)
  },
  'tecnativa/docker-socket-proxy:0.3.0': async (log) =>
    ensureImage({ name: 'socket-proxy', base: await ensureBase(log), ...plain }, log),
  'nickfedor/watchtower:1.11.0': async (log) => {
    const watchtower = await ensureBinary(WATCHTOWER, log)
    return ensureImage({ name: 'watchtower', base: await ensureBase(log), extras: { watchtower }, extraKey: binaryKey(WATCHTOWER) }, log)
  },
}
