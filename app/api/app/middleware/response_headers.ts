import type { HttpContext } from '@adonisjs/core/http';
import type { NextFn } from '@adonisjs/core/types/http';
import { settings } from '../../start/settings.ts';
import { draining } from '../services/draining.ts';

/** Headers of every answer, errors included, and one log line a request without its content. */
export default class ResponseHeaders {
  async handle({ request, response, logger }: HttpContext, next: NextFn): Promise<void> {
    const began = performance.now();
    response.header('X-Release', settings.releaseId);
    response.header('X-Content-Type-Options', 'nosniff');
    response.header('X-Frame-Options', 'DENY');
    response.header('Referrer-Policy', 'strict-origin-when-cross-origin');
    response.header('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    response.header('Cross-Origin-Resource-Policy', 'same-origin');
    response.header('Cache-Control', 'no-store');
    if (draining.active) response.header('Connection', 'close');
    response.onFinish((error, raw) => {
      const line = {
        method: request.method(),
        path: request.url(),
        status: raw.statusCode,
        ms: Math.round(performance.now() - began),
        ...(error === null || error === undefined ? {} : { aborted: true }),
      };
      if (/\/health$/.test(line.path)) logger.debug(line, 'request');
      else logger.info(line, 'request');
    });
    await next();
  }
}
