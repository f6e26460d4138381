import { defineConfig } from '@adonisjs/core/logger';
import { settings } from '../start/settings.ts';

export default defineConfig({
  default: 'app',
  loggers: {
    app: {
      enabled: settings.logLevel !== 'silent',
      name: 'brainbytes-api',
      level: settings.logLevel,
      base: { name: 'brainbytes-api', release: settings.releaseId },
    },
  },
});
