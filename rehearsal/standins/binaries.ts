/** Programs that are built from the Go module proxy where no image registry is in reach. */
import { readFileSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ensureArtefact, recipeKey, type Log } from './cache.ts';
import { run } from './command.ts';
import { ensureGo } from './go.ts';

/** How one program is made out of a Go module. */
export interface ProgramRecipe {
  /** Name of the program, and of the file. */
  name: string;
  module: string;
  version: string;
  /** The main package, relative to the module. */
  package: string;
  ldflags: string;
  /** Files that are put into the copy of the module before it is built: path to content. */
  files: Record<string, string>;
  /** A module of its dependencies whose copy gets files of ours. */
  patch?: { module: string; files: Record<string, string> };
}

// Traefik links some 180 DNS providers for one kind of ACME challenge; without them the build takes a third of the time.
const NO_DNS_PROVIDERS = `package dns

import (
	"fmt"

	"github.com/go-acme/lego/v4/challenge"
)

// NewDNSChallengeProviderByName knows no provider in this build.
func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, fmt.Errorf("unrecognized DNS provider: %s", name)
}
`;

/** Traefik, without dashboard and DNS challenge. */
export const TRAEFIK: ProgramRecipe = {
  name: 'traefik',
  module: 'github.com/traefik/traefik/v3',
  version: 'v3.6.12',
  package: './cmd/traefik',
  ldflags: '-X github.com/traefik/traefik/v3/pkg/version.Version=3.6.12',
  files: { 'webui/static/index.html': '<p>This build has no dashboard.</p>\n' },
  patch: {
    module: 'github.com/go-acme/lego/v4',
    files: { 'providers/dns/zz_gen_dns_providers.go': NO_DNS_PROVIDERS },
  },
};

/** act, which runs the workflow files on the runner. */
export const ACT: ProgramRecipe = {
  name: 'act',
  module: 'github.com/nektos/act',
  version: 'v0.2.89',
  package: '.',
  ldflags: '-X main.version=0.2.89',
  files: {},
};

/** Syft, which tells what is in an image; the newest version all of whose modules the proxy serves. */
export const SYFT: ProgramRecipe = {
  name: 'syft',
  module: 'github.com/anchore/syft',
  version: 'v1.42.0',
  package: './cmd/syft',
  ldflags: '-X main.version=1.42.0',
  files: {},
};

/** Watchtower 1.7.1, in the place of its maintained fork. */
export const WATCHTOWER: ProgramRecipe = {
  name: 'watchtower',
  module: 'github.com/containrrr/watchtower',
  version: 'v1.7.1',
  package: '.',
  ldflags: '-X github.com/containrrr/watchtower/internal/meta.Version=v1.7.1',
  files: {},
};

/** FerretDB as `mongod`. */
export const FERRETDB: ProgramRecipe = {
  name: 'mongod',
  module: 'github.com/FerretDB/FerretDB',
  version: 'v1.24.0',
  package: './cmd/standin',
  ldflags: '',
  files: {
    'cmd/standin/main.go': readFileSync(join(import.meta.dirname, 'ferretdb.go'), 'utf8'),
    // Built as the main module it insists on knowing its own version.
    'build/version/version.txt': 'v1.24.0\n',
  },
};

/** The key of a program's recipe. */
export function binaryKey(recipe: ProgramRecipe): string {
  return recipeKey(JSON.stringify(recipe), process.arch);
}

async function moduleDirectory(go: string, module: string, version: string, cwd: string): Promise<string> {
  const { Dir } = JSON.parse(await run(go, ['mod', 'download', '-json', `${module}@${version}`], { cwd })) as {
    Dir: string;
  };
  return Dir;
}

async function overlay(directory: string, files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}

/** Gives the path of a program; builds it first where it is not in the cache. */
export async function ensureBinary(recipe: ProgramRecipe, log: Log = () => undefined): Promise<string> {
  const directory = await ensureArtefact(recipe.name, binaryKey(recipe), async (target) => {
    const go = await ensureGo(log);
    log(`building ${recipe.name} ${recipe.version} from the Go module proxy (once)`);
    const work = join(target, 'work');
    const copyOf = async (module: string, version: string, into: string) => {
      await cp(await moduleDirectory(go, module, version, target), into, { recursive: true });
      await run('chmod', ['-R', 'u+w', into]);
    };
    const source = join(work, 'source');
    // A module that is built in its own directory keeps its `replace` and `exclude` lines.
    await copyOf(recipe.module, recipe.version, source);
    await overlay(source, recipe.files);
    if (recipe.patch) {
      const version = (
        await run(go, ['list', '-mod=mod', '-m', '-f', '{{.Version}}', recipe.patch.module], { cwd: source })
      ).trim();
      await copyOf(recipe.patch.module, version, join(work, 'patched'));
      await overlay(join(work, 'patched'), recipe.patch.files);
      await run(go, ['mod', 'edit', '-replace', `${recipe.patch.module}=../patched`], { cwd: source });
    }
    const argv = ['build', '-mod=mod', '-trimpath', '-buildvcs=false', '-ldflags', `-s -w ${recipe.ldflags}`];
    await run(go, [...argv, '-o', join(target, recipe.name), recipe.package], {
      cwd: source,
      env: { CGO_ENABLED: '0' },
    });
    await rm(work, { recursive: true });
  });
  return join(directory, recipe.name);
}
