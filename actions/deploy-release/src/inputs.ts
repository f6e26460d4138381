import { APP_NAME, ENVELOPE_MAX_BYTES, type EnvelopeInput } from '@delivery/release';
import { readInputs, registryLogin, type DigestRef } from '@delivery/runner';
import { connectionInputs, forceSchema, type Identity } from '@delivery/runner/host';
import type { SessionOptions } from '@delivery/ssh';
import { bakeInputs } from './bake.ts';

export interface DeployInputs {
  connection: SessionOptions;
  app: string | null;
  release: DigestRef;
  envelope: EnvelopeInput;
  /** Only say what a deploy would do. */
  dryRun: boolean;
  token: string | null;
  environment: string | null;
  environmentUrl: string | null;
}

/** Reads and checks all inputs. @throws InputError naming every wrong one */
export function deployInputs(identity: Identity): DeployInputs {
  return readInputs((input) => {
    const connection = connectionInputs(input, { defaultUser: 'deploy' });
    const app = input.optional('app', {
      pattern: APP_NAME,
      allowed: 'a-z, 0-9 and -, beginning with a letter, at most 31 characters',
    });
    const release = input.digestRef('release');
    const login = registryLogin(input);
    const envelope: EnvelopeInput = {
      format: 1,
      operation: identity.operation,
      repository: release.repository,
      registry: login === null ? null : { host: release.repository.split('/')[0] ?? '', ...login },
      secrets: input.pairs('secrets', { secret: true }),
      options: {
        lockWaitSeconds: input.int('lock-wait-seconds', { fallback: 0, min: 0, max: 3600 }),
        ...bakeInputs(input),
        ...forceSchema(input, 'force-schema'),
        ...(input.bool('allow-older', false) && { allowOlder: true }),
      },
      actor: identity.actor,
      run: identity.run,
    };
    if (Buffer.byteLength(JSON.stringify(envelope)) >= ENVELOPE_MAX_BYTES)
      input.reject('secrets', 'more than the host takes', 'less than 1 MiB in all');
    return {
      connection,
      app,
      release,
      envelope,
      dryRun: input.bool('dry-run', false),
      token: input.secret('github-token'),
      environment: input.optional('environment', { maxLength: 255 }),
      environmentUrl: input.optionalUrl('environment-url')?.href ?? null,
    };
  });
}
