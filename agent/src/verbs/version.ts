import { FORMATS, VERSION } from '../version.ts';
import { sayJson } from './call.ts';

/** Which agent this is and which formats it reads and writes. Needs no app. */
export function version(): number {
  return sayJson({ agent: VERSION, formats: FORMATS });
}
