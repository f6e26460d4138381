import { errors } from '@adonisjs/core';
import type { HttpContext } from '@adonisjs/core/http';
import { errors as validation } from '@vinejs/vine';
import { isDatabaseAway } from '../services/database.ts';
import { TooManyRequests } from '../services/limiter.ts';
import { EmailTaken } from '../services/users.ts';

/** Every error leaves as `{error: {code, message, fields?}}`; what went wrong inside stays in the log. */
export default class ErrorHandler {
  async handle(error: unknown, { response }: HttpContext): Promise<void> {
    if (error instanceof validation.E_VALIDATION_ERROR) {
      const fields = (error.messages as { field: string; message: string }[]).map(({ field, message }) => ({
        field,
        message,
      }));
      response
        .status(422)
        .send({ error: { code: 'invalid', message: fields[0]?.message ?? 'Invalid input.', fields } });
    } else if (error instanceof TooManyRequests) {
      response.header('Retry-After', String(error.retryAfter));
      response.status(429).send({ error: { code: 'too_many', message: error.message } });
    } else if (error instanceof EmailTaken) {
      const fields = [{ field: 'email', message: error.message }];
      response.status(409).send({ error: { code: 'email_taken', message: error.message, fields } });
    } else if (error instanceof errors.E_ROUTE_NOT_FOUND) {
      response.status(404).send({ error: { code: 'not_found', message: 'There is nothing here.' } });
    } else if (isDatabaseAway(error)) {
      response.header('Retry-After', '5');
      const message = 'The database is not reachable. Please try again in a moment.';
      response.status(503).send({ error: { code: 'database_unavailable', message } });
    } else {
      const status = statusOf(error);
      const message = status < 500 ? 'The request could not be read.' : 'Something went wrong on our side.';
      response.status(status).send({ error: { code: status < 500 ? 'bad_request' : 'internal', message } });
    }
  }

  async report(error: unknown, { logger, response }: HttpContext): Promise<void> {
    if (response.getStatus() >= 500 || (statusOf(error) >= 500 && !isKnown(error))) {
      logger.error({ err: error }, 'request failed');
    }
  }
}

function statusOf(error: unknown): number {
  const status = (error as { status?: unknown }).status;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

function isKnown(error: unknown): boolean {
  return error instanceof TooManyRequests || error instanceof EmailTaken || isDatabaseAway(error);
}
