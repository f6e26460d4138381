import type { ApplicationService } from '@adonisjs/core/types';

/** Connects mongoose when the HTTP server is about to start and disconnects it after the last request. */
export default class MongoProvider {
  readonly #app: ApplicationService;

  constructor(app: ApplicationService) {
    this.#app = app;
  }

  async start(): Promise<void> {
    if (this.#app.getEnvironment() !== 'web') return;
    const { database } = await import('../start/services.ts');
    database.start();
  }

  async shutdown(): Promise<void> {
    const { database } = await import('../start/services.ts');
    await database.stop();
  }
}
