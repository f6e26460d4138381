import type { z } from 'zod';
import { ContractError } from './contract-error.ts';

/**
 * JSON text to a checked document. `name` is both the error's code and the first word of its message.
 * Messages name fields and rules; values are not quoted, because a document may hold secrets.
 * @param maxBytes cap on the UTF-8 size, checked before parsing
 */
export function parseDocument<T>(name: string, schema: z.ZodType<T>, text: string, maxBytes: number): T {
  const size = Buffer.byteLength(text, 'utf8');
  if (size > maxBytes) throw new ContractError(name, `${name}: ${size} bytes, at most ${maxBytes} are allowed`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // V8's message quotes the text around the error, which may be a secret.
    throw new ContractError(name, `${name}: not valid JSON (${size} bytes)`);
  }
  return checkDocument(name, schema, value);
}

/** The same for a value that is parsed already. `label` begins the message instead of the code. */
export function checkDocument<T>(code: string, schema: z.ZodType<T>, value: unknown, label: string = code): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ContractError(code, `${label}: ${describeIssues(result.error)}`);
}

/** The document in one line of output, or null for a line that is none: output has other people's lines in it, too. */
export function parseLine<T>(schema: z.ZodType<T>, line: string): T | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  const result = schema.safeParse(value);
  return result.success ? result.data : null;
}

/** Up to three problems as `field: rule`, without the values found. */
export function describeIssues(error: z.ZodError): string {
  const shown = error.issues.slice(0, 3).map(describeIssue);
  const more = error.issues.length - shown.length;
  return shown.join('; ') + (more > 0 ? ` (and ${more} more)` : '');
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const field = issue.path.map(String).join('.') || '(document)';
  if (issue.code === 'unrecognized_keys') {
    const at = issue.path.length > 0 ? `${field}: ` : '';
    return `${at}unknown key ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
  }
  if (issue.code === 'invalid_type' && issue.input === undefined && issue.message.includes('received undefined')) {
    return `${field}: is missing`;
  }
  if (issue.code === 'invalid_key')
    return `${field}: this name ${issue.issues.map((inner) => inner.message).join(', ')}`;
  return `${field}: ${issue.message}`;
}
