import { ContractError } from '@delivery/release';
import { isObject } from './document.ts';
import type { ComposeObject } from './types.ts';

/** One entry of a service's `volumes` in compose's long form. */
export type Mount = ComposeObject & { type: string; source?: string; target: string };

/** Short (`source:target[:mode]`) or long form to the long form. Throws ContractError `compose` for what compose would not take either. */
export function parseMount(value: unknown, where: string): Mount {
  const wrong = (reason: string): ContractError => new ContractError('compose', `${where}: ${reason}`);
  if (isObject(value)) {
    const { type, target, source } = value;
    if (typeof type !== 'string' || typeof target !== 'string') throw wrong('a mount needs type and target');
    if (source !== undefined && typeof source !== 'string') throw wrong('the source of a mount is not text');
    return value as Mount;
  }
  if (typeof value !== 'string') throw wrong('a mount is text or a mapping');
  if (/^[^:]*\$/.test(value)) throw wrong(`mount ${JSON.stringify(value)}: the source of a mount cannot be a variable`);
  const parts = value.split(':');
  const [first = '', second, modes = ''] = parts;
  if (parts.length > 3 || first === '' || second === '')
    throw wrong(`mount ${JSON.stringify(value)} is not source:target[:mode]`);
  if (second === undefined) return { type: 'volume', target: first };
  const bind = /^[./~]/.test(first);
  const mount: Mount = { type: bind ? 'bind' : 'volume', source: first, target: second };
  for (const mode of modes.split(',').filter((item) => item !== '')) {
    if (mode === 'ro') mount['read_only'] = true;
    else if (mode === 'nocopy' && !bind) mount['volume'] = { nocopy: true };
    else if (mode === 'z' || mode === 'Z') mount['bind'] = { selinux: mode };
    else if (mode !== 'rw' && mode !== 'cached' && mode !== 'delegated' && mode !== 'consistent') {
      throw wrong(`mount ${JSON.stringify(value)}: mode "${mode}" is not supported`);
    }
  }
  return mount;
}
