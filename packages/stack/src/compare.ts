import type { ServiceChange } from '@delivery/release';
import { parseCompose } from './compose.ts';
import { isObject } from './document.ts';
import { mapStrings } from './interpolate.ts';
import { hostPaths } from './paths.ts';
import type { ComposeObject, RenderInput, StackService } from './types.ts';

export interface Comparison {
  added: ServiceChange[];
  changed: ServiceChange[];
  removed: ServiceChange[];
  same: number;
}

/** Services of a sealed release against those of another one (null: there is none), by name; where a release keeps its files is no difference. */
export function compareReleases(before: RenderInput | null, after: RenderInput): Comparison {
  const old = before === null ? {} : normalised(before);
  const next = normalised(after);
  const result: Comparison = { added: [], changed: [], removed: [], same: 0 };
  for (const [name, service] of Object.entries(next)) {
    const found = old[name];
    if (found === undefined) result.added.push({ service: name, role: service.role, what: [] });
    else {
      const what = [...new Set([...Object.keys(found.keys), ...Object.keys(service.keys)])].filter(
        (key) => JSON.stringify(found.keys[key]) !== JSON.stringify(service.keys[key]),
      );
      if (what.length > 0) result.changed.push({ service: name, role: service.role, what: what.sort() });
      else result.same += 1;
    }
  }
  for (const [name, { role }] of Object.entries(old)) {
    if (next[name] === undefined) result.removed.push({ service: name, role, what: [] });
  }
  return result;
}

/** The keys of each service with `files`: the digests of the packed files that it uses. */
function normalised({ sealed, manifest }: RenderInput): Record<string, { role: string; keys: ComposeObject }> {
  const { app, services } = parseCompose(sealed, { sealed: true });
  const root = `${hostPaths.releaseFiles(app, manifest.release)}/`;
  const one = ({ release, compose }: StackService): { role: string; keys: ComposeObject } => {
    const used: string[] = [];
    const keys = mapStrings(
      { ...compose, 'x-release': release },
      (text) => {
        if (!text.startsWith(root)) return text;
        used.push(`files/${text.slice(root.length)}`);
        return `files/${text.slice(root.length)}`;
      },
      '',
    );
    const files = Object.entries(manifest.files).filter(([path]) =>
      used.some((at) => path === at || path.startsWith(`${at}/`)),
    );
    return { role: release.role, keys: { ...(isObject(keys) ? keys : {}), files: Object.fromEntries(files) } };
  };
  return Object.fromEntries(Object.entries(services).map(([name, service]) => [name, one(service)]));
}
