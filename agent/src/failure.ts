import { ContractError } from '@delivery/release';
import type { Failure, Step } from '@delivery/release';
import { DockerError } from './docker/engine.ts';

/**
 * Why an operation ends without its purpose. `code` is stable; `message` is one line that names what was found and what is needed.
 * `logs` are the last lines of the container concerned.
 */
export class StepError extends Error {
  readonly code: string;
  readonly logs: string[] | undefined;
  /** Filled in by the step that it happened in. */
  step: Step | undefined;

  constructor(code: string, message: string, logs?: string[]) {
    super(message);
    this.name = 'StepError';
    this.code = code;
    this.logs = logs;
  }
}

/** Any thrown value as a StepError; documents that break their contract and the Engine's refusals keep their names. */
export function toStepError(thrown: unknown): StepError {
  if (thrown instanceof StepError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof ContractError) return new StepError(thrown.code, message);
  return new StepError(thrown instanceof DockerError ? 'docker' : 'internal', message);
}

/** Any thrown value as the failure of a result line; `mask` takes the secrets out. */
export function toFailure(thrown: unknown, mask: (text: string) => string): Failure {
  const { step, code, message, logs } = toStepError(thrown);
  return {
    step: step ?? 'plan',
    code,
    message: mask(message),
    ...(logs === undefined ? {} : { logs: logs.map(mask) }),
  };
}
