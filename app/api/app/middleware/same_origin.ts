import type { HttpContext } from '@adonisjs/core/http';
import type { NextFn } from '@adonisjs/core/types/http';

/** What a request says about where it comes from. */
export interface Origin {
  method: string;
  /** The host that the client asked for, with its port. */
  host: string;
  secFetchSite: string | undefined;
  origin: string | undefined;
}

/**
 * Whether a request may change something. Browsers always send Sec-Fetch-Site or Origin with such requests,
 * so a foreign page cannot hide; a program that sends neither has no ambient cookie to abuse.
 */
export function mayChange({ method, host, secFetchSite, origin }: Origin): boolean {
  if (['GET', 'HEAD', 'OPTIONS'].includes(method)) return true;
  if (secFetchSite !== undefined && secFetchSite !== 'same-origin') return false;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** Refuses cross-site requests that change something (CSRF), and bodies that are not JSON. */
export default class SameOrigin {
  async handle({ request, response }: HttpContext, next: NextFn): Promise<void> {
    const allowed = mayChange({
      method: request.method(),
      host: request.host() ?? '',
      secFetchSite: request.header('sec-fetch-site'),
      origin: request.header('origin'),
    });
    if (!allowed) {
      response.status(403).send({ error: { code: 'cross_site', message: 'This request came from another site.' } });
      return;
    }
    const type = request.header('content-type');
    // Browsers send "content-length: 0" with an empty POST.
    const empty = !request.hasBody() || request.header('content-length') === '0';
    if (!empty && (type === undefined || !/^application\/json\b/i.test(type))) {
      response.status(415).send({ error: { code: 'not_json', message: 'Send the body as application/json.' } });
      return;
    }
    await next();
  }
}
