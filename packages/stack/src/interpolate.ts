import { ContractError } from '@delivery/release';
import type { Variables } from './types.ts';

/** Compose's own rules for `${...}`: an escaped dollar, a plain reference, or a reference with an operator and a text that may nest. */
type Part =
  | { kind: 'text'; text: string }
  | { kind: 'escape' }
  | { kind: 'reference'; name: string; operator: Operator; argument: Part[] };

type Operator = '' | ':-' | '-' | ':?' | '?' | ':+' | '+';

const HEAD = /[A-Za-z_][A-Za-z0-9_]*/y;
const OPERATOR = /:[-?+]|[-?+]/y;

/**
 * The text with its references filled in from `variables`. A reference without a default whose variable is not given throws
 * ContractError `variable` naming it and `where`; nothing ever becomes empty by accident.
 */
export function interpolate(text: string, variables: Variables, where: string): string {
  return evaluate(parse(text, where), variables, where);
}

/** The same for every string of a value; keys stay as they are. */
export function interpolateDeep(value: unknown, variables: Variables, where: string): unknown {
  return mapStrings(value, (text, path) => interpolate(text, variables, path), where);
}

/**
 * Names that the text cannot do without: references without default that are not part of another one's default. `${A:-${B}}` needs
 * neither by itself. Sorted, each once.
 */
export function requiredNames(text: string, where: string): string[] {
  const names = new Set<string>();
  for (const part of parse(text, where)) {
    if (part.kind === 'reference' && ['', ':?', '?'].includes(part.operator)) names.add(part.name);
  }
  return [...names].sort();
}

/** Text that compose reads back as it is. */
export function escapeDollars(text: string): string {
  return text.replaceAll('$', '$$$$');
}

/** A copy of a JSON-like value with `change` applied to every string in it; `where` grows with the path. */
export function mapStrings(value: unknown, change: (text: string, where: string) => unknown, where: string): unknown {
  if (typeof value === 'string') return change(value, where);
  if (Array.isArray(value)) return value.map((item, index) => mapStrings(item, change, `${where}[${index}]`));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mapStrings(item, change, `${where}.${key}`)]),
  );
}

function evaluate(parts: readonly Part[], variables: Variables, where: string): string {
  return parts
    .map((part) => {
      if (part.kind === 'text') return part.text;
      if (part.kind === 'escape') return '$';
      const value = Object.hasOwn(variables, part.name) ? variables[part.name] : undefined;
      const missing = value === undefined || (part.operator.startsWith(':') && value === '');
      if (part.operator.endsWith('-')) return missing ? evaluate(part.argument, variables, where) : value;
      if (part.operator.endsWith('+')) return missing ? '' : evaluate(part.argument, variables, where);
      if (!missing) return value;
      const reason = evaluate(part.argument, variables, where);
      const state = value === undefined ? 'is not set' : 'is empty';
      throw new ContractError(
        'variable',
        `${where}: variable ${part.name} ${state}${reason === '' ? '' : ` (${reason})`}`,
      );
    })
    .join('');
}

function parse(text: string, where: string): Part[] {
  return parseUntil(text, 0, false, where).parts;
}

/** Reads parts up to the end, or up to the brace that closes a reference (`nested`); `end` is where it stopped. */
function parseUntil(text: string, start: number, nested: boolean, where: string): { parts: Part[]; end: number } {
  const parts: Part[] = [];
  let position = start;
  let depth = 0;
  let plain = '';
  const flush = (): void => {
    if (plain !== '') parts.push({ kind: 'text', text: plain });
    plain = '';
  };
  while (position < text.length) {
    const char = text.charAt(position);
    if (char === '$') {
      const next = text.charAt(position + 1);
      if (next === '$') {
        flush();
        parts.push({ kind: 'escape' });
        position += 2;
        continue;
      }
      if (next === '{') {
        flush();
        const { part, end } = parseBraced(text, position + 2, where);
        parts.push(part);
        position = end;
        continue;
      }
      const name = match(HEAD, text, position + 1);
      if (name !== '') {
        flush();
        parts.push({ kind: 'reference', name, operator: '', argument: [] });
        position += 1 + name.length;
        continue;
      }
    } else if (nested && char === '{') {
      depth += 1;
    } else if (nested && char === '}') {
      if (depth === 0) break;
      depth -= 1;
    }
    plain += char;
    position += 1;
  }
  flush();
  return { parts, end: position };
}

function parseBraced(text: string, start: number, where: string): { part: Part; end: number } {
  const invalid = (): ContractError =>
    new ContractError(
      'interpolation',
      `${where}: "${'${'}" does not begin a valid variable reference; write "$$" for a dollar`,
    );
  const name = match(HEAD, text, start);
  if (name === '') throw invalid();
  const at = start + name.length;
  const operator = match(OPERATOR, text, at) as Operator;
  const { parts, end } = operator === '' ? { parts: [], end: at } : parseUntil(text, at + operator.length, true, where);
  if (text.charAt(end) !== '}') throw invalid();
  return { part: { kind: 'reference', name, operator, argument: parts }, end: end + 1 };
}

function match(pattern: RegExp, text: string, position: number): string {
  pattern.lastIndex = position;
  return pattern.exec(text)?.[0] ?? '';
}
