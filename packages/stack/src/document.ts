import { isScalar, parseDocument, stringify, visit } from 'yaml';
import { ContractError } from '@delivery/release';
import type { ComposeObject } from './types.ts';

/** YAML text to plain objects, anchors and `<<` resolved. Throws ContractError `yaml` with line and column. */
export function readYaml(text: string, name: string): ComposeObject {
  const document = parseDocument(text, { merge: true, uniqueKeys: true, prettyErrors: false });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const before = text.slice(0, problem.pos[0]).split('\n');
    const place = `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
    throw new ContractError('yaml', `${name}: ${place}: ${problem.message}`);
  }
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value !== 'number' || !isScalar(node) || node.source === undefined) return;
      // Compose's YAML library reads 0440 as octal, as `mode: 0440` means it; and a number too large for JavaScript must not lose digits.
      if (/^0[0-7]+$/.test(node.source)) node.value = Number.parseInt(node.source, 8);
      else if (/^\d+$/.test(node.source) && !Number.isSafeInteger(node.value)) node.value = node.source;
    },
  });
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ContractError('yaml', `${name}: ${error instanceof Error ? error.message : 'cannot be read'}`);
  }
  if (!isObject(value)) throw new ContractError('yaml', `${name}: is not a mapping`);
  return value;
}

/**
 * Objects to YAML. Strings are always quoted: YAML libraries disagree on what `1_000` or `0x1f` is, and this text is read by another
 * one. No anchors, no line folding, so that the same objects always give the same bytes.
 */
export function writeYaml(value: ComposeObject): string {
  return stringify(value, {
    aliasDuplicateObjects: false,
    defaultKeyType: 'PLAIN',
    defaultStringType: 'QUOTE_DOUBLE',
    lineWidth: 0,
  });
}

export function isObject(value: unknown): value is ComposeObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A section such as `services` or `volumes`: absent or null is empty; anything but a mapping is an error that names it. */
export function section(document: ComposeObject, key: string): Record<string, ComposeObject> {
  const value = document[key] ?? {};
  if (!isObject(value)) throw new ContractError('compose', `compose file: ${key} is not a mapping`);
  const result: Record<string, ComposeObject> = {};
  for (const [name, item] of Object.entries(value)) {
    const entry = item ?? {};
    if (!isObject(entry)) throw new ContractError('compose', `compose file: ${key}.${name} is not a mapping`);
    result[name] = entry;
  }
  return result;
}

/** Compose's `environment`, `labels` or `args` in its two forms as a mapping; a name without a value is null. */
export function keyValues(value: unknown, where: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (isObject(value)) return { ...value };
  if (!Array.isArray(value)) throw new ContractError('compose', `${where} is neither a mapping nor a list`);
  return Object.fromEntries(
    value.map((item) => {
      const text = String(item);
      const at = text.indexOf('=');
      return at === -1 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
