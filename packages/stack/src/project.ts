import { ContractError } from '@delivery/release';
import { isObject, keyValues, section, writeYaml } from './document.ts';
import { escapeDollars, interpolate, interpolateDeep, mapStrings } from './interpolate.ts';
import type { BakeProjection, ComposeObject, Stack, Variables } from './types.ts';

/**
 * The compose file as `buildx bake` may see it: only services with `build:`, of those only image and build, filled in from `variables`.
 * Bake aborts on an unset `${VAR:?}` or an absent env_file of any service, also where it builds nothing from it; so it never sees them.
 * Dollars of the values are escaped, because bake interpolates once more.
 */
export function bakeProjection(stack: Stack, variables: Variables): BakeProjection {
  const targets: Record<string, string> = {};
  const services: ComposeObject = {};
  const secretNames = new Set<string>();
  for (const { name, compose } of Object.values(stack.services)) {
    if (compose['build'] === undefined || compose['build'] === null) continue;
    const at = `compose file: service ${name}`;
    const target = targetName(name);
    const other = targets[target];
    if (other !== undefined) {
      throw new ContractError('compose', `${at}: its build target would be "${target}", as that of service ${other}`);
    }
    targets[target] = name;
    const build = projectBuild(compose['build'], variables, at);
    for (const secret of Array.isArray(build['secrets']) ? (build['secrets'] as unknown[]) : []) {
      const source = isObject(secret) ? secret['source'] : secret;
      if (typeof source === 'string') secretNames.add(source);
    }
    const image =
      typeof compose['image'] === 'string' ? { image: interpolate(compose['image'], variables, `${at}.image`) } : {};
    services[target] = { ...image, build };
  }
  if (Object.keys(targets).length === 0) return { text: '', targets };

  const document: ComposeObject = { services };
  const secrets = Object.entries(section(stack.document, 'secrets')).filter(([name]) => secretNames.has(name));
  if (secrets.length > 0)
    document['secrets'] = interpolateDeep(Object.fromEntries(secrets), variables, 'compose file: secrets');
  return { text: writeYaml(mapStrings(document, escapeDollars, '') as ComposeObject), targets };
}

/** Bake's target names have no dots. */
function targetName(service: string): string {
  return service.replaceAll('.', '_');
}

function projectBuild(value: unknown, variables: Variables, at: string): ComposeObject {
  const build = typeof value === 'string' ? { context: value } : value;
  if (!isObject(build)) throw new ContractError('compose', `${at}: build is neither a path nor a mapping`);
  const result = interpolateDeep(build, variables, `${at}.build`) as ComposeObject;
  if (result['args'] !== undefined) result['args'] = buildArguments(result['args'], variables, at);
  if (isObject(result['additional_contexts'])) {
    result['additional_contexts'] = mapStrings(
      result['additional_contexts'],
      (text) => (text.startsWith('service:') ? `service:${targetName(text.slice('service:'.length))}` : text),
      '',
    );
  }
  return result;
}

/** An argument without a value takes the variable of its name; where there is none it is left to the Dockerfile's default. */
function buildArguments(value: unknown, variables: Variables, at: string): ComposeObject {
  const result: ComposeObject = {};
  for (const [name, given] of Object.entries(keyValues(value, `${at}.build.args`))) {
    if (given !== null) result[name] = given;
    else if (Object.hasOwn(variables, name)) result[name] = variables[name];
  }
  return result;
}
