import { RELEASE_ID, type EnvelopeInput } from '@delivery/release';
import { readInputs } from '@delivery/runner';
import { connectionInputs, forceSchema, type Identity } from '@delivery/runner/host';
import type { SessionOptions } from '@delivery/ssh';

export interface RollbackInputs {
  connection: SessionOptions;
  /** Null: the previous release. */
  release: string | null;
  envelope: EnvelopeInput;
}

/** Reads and checks all inputs. @throws InputError naming every wrong one */
export function rollbackInputs(identity: Identity): RollbackInputs {
  return readInputs((input) => ({
    connection: connectionInputs(input, { defaultUser: 'deploy' }),
    release: input.optional('release', {
      pattern: RELEASE_ID,
      allowed: 'the id of a release (letters, digits, ".", "_", "-", at most 64), or nothing for the previous one',
    }),
    envelope: {
      format: 1,
      operation: identity.operation,
      registry: null,
      secrets: {},
      options: {
        lockWaitSeconds: input.int('lock-wait-seconds', { fallback: 0, min: 0, max: 3600 }),
        bakeSeconds: 0,
        ...forceSchema(input, 'force-schema'),
      },
      actor: identity.actor,
      run: identity.run,
    },
  }));
}
