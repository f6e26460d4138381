import type { Failure, Step } from '@delivery/release';

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

/** Any thrown value as the failure of a result line; `mask` takes the secrets out. */
export function toFailure(error: unknown, mask: (text: string) => string): Failure {
  const step = error instanceof StepError ? error.step : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof StepError ? error.code : 'internal';
  const logs = error instanceof StepError ? error.logs?.map(mask) : undefined;
  return { step: step ?? 'plan', code, message: mask(message), ...(logs === undefined ? {} : { logs }) };
}
