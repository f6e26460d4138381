import { isIP } from 'node:net';
import * as core from '@actions/core';
import { REPOSITORY } from '@delivery/release';
import { maskSecret } from './mask.ts';

/** One or more inputs are wrong. The message is one line that names each input, what was found (never a secret's value) and what is allowed. */
export class InputError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join(' | '));
    this.name = 'InputError';
  }
}

/** `fallback` is the default of an input that may be left out; without it the input is required. */
export interface TextRules {
  fallback?: string;
  pattern?: RegExp;
  /** What is allowed, in words; ends the sentence "allowed: ...". */
  allowed?: string;
  maxLength?: number;
}

export interface DigestRef {
  /** As given: `<repository>@sha256:<hex>`. */
  ref: string;
  repository: string;
  digest: string;
}

const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;
/** Without a registry host in front, a name would silently mean Docker Hub. */
const REGISTRY_FIRST = /^(localhost|[^/]*[.:][^/]*)\//;

/**
 * Reads all inputs of an action at once: every problem is collected, then thrown together, before anything is done.
 * @throws InputError
 */
export function readInputs<T>(read: (input: InputReader) => T): T {
  const reader = new InputReader();
  const values = read(reader);
  if (reader.problems.length > 0) throw new InputError(reader.problems);
  return values;
}

/** Typed readers. A reader of a wrong input notes the problem and returns a stand-in that nobody gets to see. */
export class InputReader {
  readonly problems: string[] = [];

  /** Notes a problem; also for checks between several inputs. `found` must not be a secret's value. */
  reject(name: string, found: string, allowed: string): void {
    this.problems.push(`Input "${name}": found ${found}; allowed: ${allowed}`);
  }

  text(name: string, rules: TextRules = {}): string {
    const value = raw(name).trim();
    const allowed = rules.allowed ?? 'one line of text';
    if (value === '') {
      if (rules.fallback === undefined) this.reject(name, 'nothing', `${allowed} (required)`);
      return rules.fallback ?? '';
    }
    if (/\p{Cc}/u.test(value)) this.reject(name, 'line breaks or control characters', allowed);
    else if (value.length > (rules.maxLength ?? 1024))
      this.reject(name, `${value.length} characters`, `at most ${rules.maxLength ?? 1024}`);
    else if (rules.pattern && !rules.pattern.test(value)) this.reject(name, quote(value), allowed);
    return value;
  }

  /** Like `text`, null when left out. */
  optional(name: string, rules: Omit<TextRules, 'fallback'> = {}): string | null {
    return raw(name).trim() === '' ? null : this.text(name, rules);
  }

  int(name: string, rules: { fallback?: number; min: number; max: number }): number {
    return this.#number(name, /^[0-9]{1,15}$/, 'a whole number', rules);
  }

  /** A number that may have decimals, such as 0.02 or 3. */
  decimal(name: string, rules: { fallback?: number; min: number; max: number }): number {
    return this.#number(name, /^[0-9]{1,15}(\.[0-9]{1,6})?$/, 'a number', rules);
  }

  #number(name: string, form: RegExp, what: string, rules: { fallback?: number; min: number; max: number }): number {
    const value = raw(name).trim();
    const allowed = `${what} from ${rules.min} to ${rules.max}`;
    if (value === '') {
      if (rules.fallback === undefined) this.reject(name, 'nothing', `${allowed} (required)`);
      return rules.fallback ?? rules.min;
    }
    const number = form.test(value) ? Number(value) : NaN;
    if (number >= rules.min && number <= rules.max) return number;
    this.reject(name, quote(value), allowed);
    return rules.min;
  }

  bool(name: string, fallback: boolean): boolean {
    const value = raw(name).trim();
    if (value === '') return fallback;
    if (!/^(true|false)$/i.test(value)) this.reject(name, quote(value), 'true or false');
    return value.toLowerCase() === 'true';
  }

  choice<const T extends string>(name: string, values: readonly T[], fallback?: T): T {
    const value = this.text(name, { allowed: values.join(', '), ...(fallback === undefined ? {} : { fallback }) });
    const found = values.find((each) => each === value);
    if (found === undefined && value !== '') this.reject(name, quote(value), values.join(', '));
    return found ?? (values[0] as T);
  }

  /** Text that is kept as it is (keys, PEM files): line ends and blanks are not touched. Public by default. */
  block(name: string, rules: { fallback?: string; secret?: boolean; maxLength?: number } = {}): string {
    const value = raw(name);
    if (rules.secret) maskSecret(value);
    if (value.trim() === '' && rules.fallback === undefined) this.reject(name, 'nothing', 'text (required)');
    if (value.length > (rules.maxLength ?? 65_536))
      this.reject(name, `${value.length} characters`, `at most ${rules.maxLength ?? 65_536}`);
    return value.trim() === '' ? (rules.fallback ?? '') : value;
  }

  /** A secret of one line; masked. Null when left out, unless required. */
  secret(name: string, rules: { required?: boolean } = {}): string | null {
    const value = raw(name).replace(/[\r\n]+$/, '');
    maskSecret(value);
    if (value === '') {
      if (rules.required) this.reject(name, 'nothing', 'a secret (required)');
      return null;
    }
    if (/[\0\r\n]/.test(value)) this.reject(name, 'several lines', 'a secret of one line');
    return value;
  }

  /** Lines of NAME=value; empty lines and lines that begin with # are skipped. Values may hold `=` and keep their inner blanks. */
  pairs(
    name: string,
    rules: { secret?: boolean; pattern?: RegExp; allowedName?: string } = {},
  ): Record<string, string> {
    const pattern = rules.pattern ?? /^[A-Z_][A-Z0-9_]*$/;
    const result: Record<string, string> = {};
    const lines = raw(name).split(/\r\n|\n|\r/);
    if (rules.secret) for (const line of lines) maskSecret(line.slice(line.indexOf('=') + 1));
    for (const [index, line] of lines.entries()) {
      if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
      const at = line.indexOf('=');
      const key = line.slice(0, Math.max(at, 0)).trim();
      const where = `line ${index + 1}`;
      if (at < 0) this.reject(name, `no "=" in ${where}`, 'lines of NAME=value');
      else if (!pattern.test(key))
        this.reject(
          name,
          `a name in ${where} that is not allowed`,
          rules.allowedName ?? 'names of A-Z, 0-9 and _, not beginning with a digit',
        );
      else if (Object.hasOwn(result, key)) this.reject(name, `${key} a second time in ${where}`, 'each name once');
      else result[key] = line.slice(at + 1).trim();
    }
    return result;
  }

  /** Host name, IPv4 or IPv6 address (brackets are taken off). */
  host(name: string): string {
    const given = this.text(name, { allowed: 'a host name or an IP address', maxLength: 255 });
    const value = /^\[.*\]$/.test(given) ? given.slice(1, -1) : given;
    if (value !== '' && isIP(value) === 0 && !HOST_NAME.test(value)) {
      this.reject(name, quote(value), 'a host name or an IP address, without user, port, path or scheme');
    }
    return value;
  }

  port(name: string, fallback?: number): number {
    return this.int(name, { min: 1, max: 65_535, ...(fallback === undefined ? {} : { fallback }) });
  }

  /** Name of a login on the server. */
  user(name: string, fallback?: string): string {
    return this.text(name, {
      pattern: /^[a-z_][a-z0-9_-]{0,31}$/,
      allowed: 'a user name of a-z, 0-9, _ and -, not beginning with a digit or -, at most 32 characters',
      ...(fallback === undefined ? {} : { fallback }),
    });
  }

  /** An image by digest. A tag beside the digest is refused: it would be ignored silently. */
  digestRef(name: string): DigestRef {
    const allowed = '<registry host>/<path>@sha256:<64 hex digits>, without a tag';
    const ref = this.text(name, { allowed });
    const match = /^(.+)@(sha256:[0-9a-f]{64})$/.exec(ref);
    const [, repository = '', digest = ''] = match ?? [];
    if (ref !== '' && !(REPOSITORY.test(repository) && REGISTRY_FIRST.test(repository)))
      this.reject(name, quote(ref), allowed);
    return { ref, repository, digest };
  }

  url(name: string): URL {
    const allowed = 'an http:// or https:// address without user and password';
    const value = this.text(name, { allowed, maxLength: 2048 });
    const parsed = URL.parse(value);
    if (value !== '' && (!parsed || !/^https?:$/.test(parsed.protocol))) this.reject(name, quote(value), allowed);
    else if (parsed && (parsed.username !== '' || parsed.password !== ''))
      this.reject(name, 'an address with credentials', allowed);
    return parsed ?? new URL('http://invalid.invalid');
  }

  optionalUrl(name: string): URL | null {
    return raw(name).trim() === '' ? null : this.url(name);
  }

  /** A path below the workspace: relative, without `..`. */
  path(name: string, fallback?: string): string {
    const allowed = 'a relative path inside the repository, without ..';
    const value = this.text(name, { allowed, ...(fallback === undefined ? {} : { fallback }) });
    if (value.startsWith('/') || value.split(/[\\/]/).includes('..')) this.reject(name, quote(value), allowed);
    return value;
  }
}

function raw(name: string): string {
  return core.getInput(name, { trimWhitespace: false }).replace(/^\uFEFF/, '');
}

function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}
