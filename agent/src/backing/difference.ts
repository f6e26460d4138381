import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { BackingDifference, Manifest } from '@delivery/release';
import { renderBacking } from '@delivery/stack';
import type { Rendered } from '@delivery/stack';
import { parse } from 'yaml';
import { projectContainers, replicas } from '../colour.ts';
import type { Docker } from '../docker.ts';
import type { ComposeProject } from '../docker/compose.ts';
import type { Inspected } from '../docker/remake.ts';
import { readIfThere } from '../files.ts';
import type { Paths } from '../paths.ts';
import { releaseDirectory } from '../paths.ts';

const SERVICE = 'com.docker.compose.service';
const HASH = 'com.docker.compose.config-hash';

/** A service as `docker compose config` resolves it, as far as it is compared. */
export interface Described {
  image: string;
  command?: string[] | null;
  entrypoint?: string[] | null;
  environment?: Record<string, string | null> | null;
  volumes?: { type: string; source?: string; target: string; read_only?: boolean }[];
}

/** A release whose backing services are compared; `files` are the digests of its packed files. */
export interface Describing {
  manifest: Manifest;
  sealed: string;
}

/** The rendered project on this process's own disk, for the compose client. `env` is the text of the `.env` that it is resolved with. */
export function backingProject(
  paths: Paths,
  release: Describing,
  env: string,
): { rendered: Rendered; project: ComposeProject } {
  const rendered = renderBacking(release);
  const file = '/tmp/backing.yaml';
  writeFileSync(file, rendered.text);
  writeFileSync('/tmp/backing.env', env, { mode: 0o600 });
  const directory = releaseDirectory(paths, release.manifest.release);
  return { rendered, project: { name: rendered.project, file, directory, env: '/tmp/backing.env' } };
}

/**
 * What runs of the backing services against what a release describes: image, command, names of the environment, mounts, the files that
 * are mounted, and by compose's own hash whatever else there is. Nothing is changed.
 */
export async function backingDifferences(
  docker: Docker,
  paths: Paths,
  release: Describing,
  env = readIfThere(paths.env) ?? '',
): Promise<BackingDifference[]> {
  const { rendered, project } = backingProject(paths, release, env);
  const all = await projectContainers(docker, rendered.project);
  const names = new Set(rendered.containers.map(({ name }) => name));
  const strangers = all
    .filter(({ labels }) => labels['com.docker.compose.oneoff'] !== 'True' && !names.has(labels[SERVICE] ?? ''))
    .map(({ labels, name }): BackingDifference => ({
      service: labels[SERVICE] ?? name,
      action: 'undescribed',
      what: ['runs here and the release does not describe it; it stays'],
    }));
  if (rendered.containers.length === 0) return strangers;
  const text = await docker.compose(project, ['config', '--format', 'json']);
  const { services } = JSON.parse(text.slice(text.indexOf('{'))) as { services: Record<string, Described> };
  const hashes = parseHashes(await docker.compose(project, ['config', '--hash', '*']));
  const present = await replicas(docker, rendered);
  const described = await Promise.all(
    rendered.containers.map(async ({ name, service, image }): Promise<BackingDifference> => {
      const found = present.find(({ spec }) => spec.name === name)?.container;
      const inspected = found === undefined ? null : await docker.inspect(found.id);
      if (found === undefined || inspected === null) return { service, action: 'create', what: ['does not exist yet'] };
      const wanted = services[name] ?? { image };
      const [own, theirs] = await Promise.all([docker.imageId(image), docker.imageConfig(inspected.Image)]);
      const what = compareContainer(wanted, inspected, { wantedImage: own, imageEnv: theirs?.Env ?? [] });
      what.push(
        ...filesOf(rendered, name)
          .flatMap((file) => changedIn(release.manifest, file))
          .map((path) => `file: ${path} changed`),
      );
      if (what.length === 0 && hashes.get(name) !== inspected.Config.Labels?.[HASH]) what.push('other settings');
      if (!found.running) what.push('does not run');
      return { service, action: what.length === 0 ? 'keep' : 'recreate', what };
    }),
  );
  return [...described, ...strangers];
}

/** Lines `<service> <hash>` of `docker compose config --hash`. */
export function parseHashes(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^(\S+) ([0-9a-f]{64})$/gm)].map(([, name = '', hash = '']) => [name, hash]));
}

/**
 * What differs between a described service and a container, one line each.
 * @param known id of the described image where it is on this host, and the environment that the container's image brings along
 */
export function compareContainer(
  wanted: Described,
  found: Inspected,
  known: { wantedImage: string | null; imageEnv: readonly string[] },
): string[] {
  const what: string[] = [];
  if (wanted.image !== found.Config.Image && known.wantedImage !== found.Image)
    what.push(`image: ${found.Config.Image} → ${wanted.image}`);
  for (const [key, now] of [
    ['command', found.Config.Cmd],
    ['entrypoint', found.Config.Entrypoint],
  ] as const) {
    const then = wanted[key];
    if (then !== undefined && then !== null && JSON.stringify(then) !== JSON.stringify(now ?? []))
      what.push(`${key}: changed`);
  }
  what.push(...compareEnvironment(wanted.environment ?? {}, found.Config.Env ?? [], known.imageEnv));
  what.push(...compareMounts(wanted.volumes ?? [], found.Mounts));
  return what;
}

/** Names only: a value may be a secret. */
function compareEnvironment(
  wanted: Readonly<Record<string, string | null>>,
  found: readonly string[],
  fromImage: readonly string[],
): string[] {
  const split = (list: readonly string[]): Map<string, string> =>
    new Map(list.map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]));
  const now = split(found);
  const image = split(fromImage);
  const lines: string[] = [];
  for (const [name, value] of Object.entries(wanted)) {
    if (!now.has(name)) lines.push(`environment: ${name} is new`);
    else if (now.get(name) !== (value ?? '')) lines.push(`environment: ${name} has another value`);
  }
  for (const [name, value] of now) {
    if (!Object.hasOwn(wanted, name) && image.get(name) !== value) lines.push(`environment: ${name} goes`);
  }
  return lines;
}

function compareMounts(wanted: NonNullable<Described['volumes']>, found: Inspected['Mounts']): string[] {
  const now = new Map(found.map((mount) => [mount.Destination, mount]));
  const lines: string[] = [];
  for (const { type, source, target, read_only: readOnly } of wanted) {
    const mount = now.get(target);
    if (type === 'tmpfs') continue;
    if (mount === undefined) lines.push(`mount: ${target} is new`);
    else if (mount.RW !== (readOnly !== true) || (type === 'bind' && mount.Source !== source))
      lines.push(`mount: ${target} is another`);
  }
  const targets = new Set(wanted.map(({ target }) => target));
  for (const { Type, Name = '', Destination } of found) {
    // A volume without a name is the image's own wish, and configs and secrets are compared by their content.
    const own = Type === 'volume' && !/^[0-9a-f]{64}$/.test(Name);
    if (own && !targets.has(Destination)) lines.push(`mount: ${Destination} goes`);
  }
  return lines;
}

/** The packed files and directories that a service of a rendered project mounts, as volumes or as configs. */
export function filesOf(rendered: Pick<Rendered, 'text' | 'files'>, service: string): Rendered['files'] {
  const document = parse(rendered.text) as {
    services?: Record<string, { volumes?: { source?: string }[]; configs?: (string | { source?: string })[] }>;
    configs?: Record<string, { file?: string }>;
  };
  const { volumes = [], configs = [] } = document.services?.[service] ?? {};
  const names = configs.map((config) => (typeof config === 'string' ? config : (config.source ?? '')));
  const used = new Set([
    ...volumes.map(({ source }) => source),
    ...names.map((name) => document.configs?.[name]?.file),
  ]);
  return rendered.files.filter(({ target }) => used.has(target));
}

/** Names of the files, or of those in a directory, that are on the host in another version than in the release. */
export function changedIn(manifest: Pick<Manifest, 'files'>, { source, target }: Rendered['files'][number]): string[] {
  return Object.entries(manifest.files)
    .filter(([path]) => path === source || path.startsWith(`${source}/`))
    .filter(([path, digest]) => digestOf(target + path.slice(source.length)) !== digest)
    .map(([path]) => path.slice('files/'.length));
}

function digestOf(path: string): string | null {
  try {
    return `sha256:${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
  } catch {
    return null;
  }
}
