import { defineConfig } from '@adonisjs/core/app';

export default defineConfig({
  providers: [
    () => import('@adonisjs/core/providers/app_provider'),
    () => import('@adonisjs/core/providers/hash_provider'),
    () => import('@adonisjs/core/providers/vinejs_provider'),
    () => import('./providers/mongo_provider.ts'),
  ],
  preloads: [() => import('./start/kernel.ts'), () => import('./start/routes.ts')],
});
