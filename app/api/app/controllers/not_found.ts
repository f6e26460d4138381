import type { HttpContext } from '@adonisjs/core/http';

/** The one answer for what does not exist and for what belongs to someone else. */
export function notFound(response: HttpContext['response']): void {
  response.status(404).send({ error: { code: 'not_found', message: 'There is nothing here.' } });
}
