import type { HttpContext } from '@adonisjs/core/http';
import type { UserRecord } from '../models/user.ts';
import { clear, count, RULES } from '../services/limiter.ts';
import { sessions } from '../services/sessions.ts';
import { users } from '../services/users.ts';
import { loginValidator, registerValidator } from '../validators/auth.ts';

const shown = (user: UserRecord): object => ({ id: user._id.toString(), name: user.name, email: user.email });

export default class AuthController {
  async register(ctx: HttpContext): Promise<void> {
    const fields = await ctx.request.validateUsing(registerValidator);
    await count(RULES.registerPerAddress, ctx.request.ip());
    const user = await users.create(fields);
    await sessions.open(ctx, user);
    ctx.response.status(201).send({ user: shown(user) });
  }

  async login(ctx: HttpContext): Promise<void> {
    const { email, password } = await ctx.request.validateUsing(loginValidator);
    const account = `${ctx.request.ip()} ${email}`;
    await count(RULES.loginPerAddress, ctx.request.ip());
    await count(RULES.loginPerAccount, account);
    const user = await users.verify(email, password);
    if (user === null) {
      ctx.logger.warn({ ip: ctx.request.ip() }, 'authentication failed');
      const message = 'The e-mail address or the password is not right.';
      ctx.response.status(401).send({ error: { code: 'wrong_credentials', message } });
      return;
    }
    await clear(RULES.loginPerAccount, account);
    await sessions.open(ctx, user);
    ctx.response.send({ user: shown(user) });
  }

  async logout(ctx: HttpContext): Promise<void> {
    await sessions.close(ctx);
    ctx.response.status(204);
  }

  /** Who is signed in. Always 200, so that a guest's page load is no error: `user` is null for guests. */
  async me(ctx: HttpContext): Promise<void> {
    const user = await sessions.userOf(ctx);
    ctx.response.send({ user: user === null ? null : shown(user) });
  }
}
