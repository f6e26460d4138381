import type { Envelope } from '@delivery/release';
import type { InputReader } from '../inputs.ts';

/** An input as the envelope's option: a schema number as somebody typed it, absent when left out. */
export function forceSchema(input: InputReader, name: string): Pick<Envelope['options'], 'forceSchema'> {
  const typed = input.optional(name, {
    pattern: /^(0|[1-9][0-9]{0,14})$/,
    allowed: 'the schema number of the database as the refusal names it, or nothing',
  });
  return typed === null ? {} : { forceSchema: Number(typed) };
}
