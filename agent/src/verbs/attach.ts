import { attach as follow } from '../attach.ts';
import { atMost } from './call.ts';
import type { Call } from './call.ts';

/** `attach <operation>`: the event lines of an operation, followed to its result. */
export function attach({ paths, args }: Call): Promise<number> {
  atMost(args, 1, 'attach');
  return follow(paths, args[0] ?? '');
}
