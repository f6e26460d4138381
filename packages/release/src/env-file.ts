import { ContractError } from './contract-error.ts';

/**
 * The host's `.env`, read and written as docker compose reads it (its dotenv dialect, not that of a shell or of `docker run`).
 * Values with newlines, quotes, #, $ and backslashes come back as they were. Lines that are not replaced keep their text and place.
 */

interface Statement {
  /** The text of the file, with the newline that ends it; '' for a name means comment or blank. */
  raw: string;
  name: string;
  value: string;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const PLAIN_VALUE = /^[A-Za-z0-9_.,:/@%+=-]+$/;
const REFERENCE = /\$(?:\$|[A-Za-z_][A-Za-z0-9_]*|\{)/g;

/** Name to value; the last of several lines with one name counts. Throws ContractError `env_file` with line and name, never a value. */
export function parseEnvFile(text: string): Record<string, string> {
  const values = new Map<string, string>();
  for (const statement of statements(text)) {
    if (statement.name !== '') values.set(statement.name, statement.value);
  }
  return Object.fromEntries(values);
}

/** A whole file, names sorted, one line each. */
export function renderEnvFile(values: Readonly<Record<string, string>>): string {
  const names = Object.keys(values).sort();
  return names.map((name) => renderLine(name, values[name] ?? '')).join('');
}

/**
 * The existing file with `values` put in: a name that is there keeps its place and gets the new value, a new one is appended (sorted),
 * every other line stays as it is.
 */
export function mergeEnvFile(existing: string, values: Readonly<Record<string, string>>): string {
  const placed = new Set<string>();
  let text = '';
  for (const { raw, name } of statements(existing)) {
    if (name === '' || !Object.hasOwn(values, name)) text += raw;
    else if (!placed.has(name)) {
      placed.add(name);
      text += renderLine(name, values[name] ?? '');
    }
  }
  if (text !== '' && !text.endsWith('\n')) text += '\n';
  const rest = Object.entries(values).filter(([name]) => !placed.has(name));
  return text + renderEnvFile(Object.fromEntries(rest));
}

function renderLine(name: string, value: string): string {
  if (!NAME.test(name))
    throw new ContractError('env_file', `env file: name ${JSON.stringify(name)} must match ${NAME.source}`);
  if (value.includes('\0') || !value.isWellFormed()) {
    throw new ContractError(
      'env_file',
      `env file: ${name} holds a NUL character or invalid Unicode, which no environment can carry`,
    );
  }
  if (PLAIN_VALUE.test(value)) return `${name}=${value}\n`;
  // CR is escaped because compose turns CRLF into LF before it parses; LF to keep one line per name.
  const escaped = value
    .replace(/[\\"$]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return `${name}="${escaped}"\n`;
}

function* statements(source: string): Generator<Statement> {
  const text = source.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  let position = 0;
  let line = 1;
  while (position < text.length) {
    const start = position;
    const blank = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y;
    blank.lastIndex = position;
    if (blank.test(text)) {
      position = blank.lastIndex;
      yield { raw: text.slice(start, position), name: '', value: '' };
      line += 1;
      continue;
    }
    const head = /\s*(?:export[^\S\n]+)?([^\s=:]*)[^\S\n]*([=:]?)[^\S\n]*/y;
    head.lastIndex = position;
    const match = head.exec(text);
    const name = match?.[1] ?? '';
    if (!NAME.test(name))
      throw new ContractError('env_file', `env file: line ${line}: a name must match ${NAME.source}`);
    if (match?.[2] === '') throw new ContractError('env_file', `env file: line ${line}: ${name} has no value`);
    const { value, end } = readValue(text, head.lastIndex, name, line);
    position = end;
    const raw = text.slice(start, position);
    line += raw.split('\n').length - 1;
    yield { raw, name, value };
  }
}

/** The value that starts at `from`, and where the next line starts. */
function readValue(text: string, from: number, name: string, line: number): { value: string; end: number } {
  const quote = text[from];
  if (quote !== '"' && quote !== "'") {
    const newline = text.indexOf('\n', from);
    const end = newline === -1 ? text.length : newline;
    const plain = (text.slice(from, end).split(' #', 1)[0] ?? '').trimEnd();
    return { value: withoutReferences(plain, name, line), end: Math.min(end + 1, text.length) };
  }
  let position = from + 1;
  while (position < text.length && text[position] !== quote) position += text[position] === '\\' ? 2 : 1;
  if (position >= text.length)
    throw new ContractError('env_file', `env file: line ${line}: the quote of ${name} is not closed`);
  const inner = text.slice(from + 1, position).replaceAll(`\\${quote}`, quote);
  const rest = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y;
  rest.lastIndex = position + 1;
  if (!rest.test(text))
    throw new ContractError('env_file', `env file: line ${line}: there is text after the closing quote of ${name}`);
  const value = quote === '"' ? withoutReferences(expandEscapes(inner), name, line) : inner;
  return { value, end: rest.lastIndex };
}

const ESCAPES: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '"': '"',
  '\\': '\\',
  $: '$$',
};

function expandEscapes(text: string): string {
  return text.replace(/\\([abfnrtv$"\\])/g, (_, letter: string) => ESCAPES[letter] ?? letter);
}

/** `$$` is a dollar; `$NAME` and `${...}` would take a value from elsewhere, and what compose then uses is not what the ledger hashed. */
function withoutReferences(text: string, name: string, line: number): string {
  return text.replace(REFERENCE, (found) => {
    if (found === '$$') return '$';
    throw new ContractError(
      'env_file',
      `env file: line ${line}: ${name} refers to another variable; put the value in single quotes`,
    );
  });
}
