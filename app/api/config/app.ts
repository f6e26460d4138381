import { defineConfig } from '@adonisjs/core/http';

/**
 * Only private addresses (the edge on the same host) may say who the client is;
 * otherwise a forged X-Forwarded-For would reset the login limit.
 */
export const http = defineConfig({
  generateRequestId: true,
  allowMethodSpoofing: false,
  useAsyncLocalStorage: false,
  trustProxy: (address: string) =>
    /^(::1$|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd]|::ffff:(127|10|192\.168|172\.(1[6-9]|2\d|3[01]))\.)/i.test(
      address,
    ),
  cookie: { path: '/', httpOnly: true, secure: true, sameSite: 'lax' },
});
