import { DockerError } from '../docker/engine.ts';
import { StepError } from '../failure.ts';

/** The Engine's words for a failed pull, sorted by what the reader can do about it. */
export function pullError(reference: string, error: unknown): StepError {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof StepError) return error;
  if (/no space left on device/i.test(text))
    return new StepError(
      'disk_full',
      `pull ${reference}: the disk is full (${text}); nothing was changed, a partial pull is harmless and is resumed`,
    );
  if (/unauthorized|denied|authentication required|no basic auth/i.test(text))
    return new StepError('registry_denied', `pull ${reference}: the registry refused the login or the access: ${text}`);
  if (/not found|manifest unknown/i.test(text))
    return new StepError('not_in_registry', `pull ${reference}: not in the registry: ${text}`);
  return new StepError(
    error instanceof DockerError && error.status === 0 ? 'docker' : 'pull',
    `pull ${reference}: ${text}`,
  );
}
