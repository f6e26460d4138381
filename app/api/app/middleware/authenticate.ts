import type { HttpContext } from '@adonisjs/core/http';
import type { NextFn } from '@adonisjs/core/types/http';
import type { UserRecord } from '../models/user.ts';
import { sessions } from '../services/sessions.ts';

declare module '@adonisjs/core/http' {
  interface HttpContext {
    /** The signed-in user; only on routes behind the `authenticate` middleware. */
    user: UserRecord;
  }
}

/** Lets only signed-in users through. */
export default class Authenticate {
  async handle(ctx: HttpContext, next: NextFn): Promise<void> {
    const user = await sessions.userOf(ctx);
    if (user === null) {
      ctx.response.status(401).send({ error: { code: 'signed_out', message: 'Please log in.' } });
      return;
    }
    ctx.user = user;
    await next();
  }
}
