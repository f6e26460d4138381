import { defineConfig } from '@adonisjs/core/bodyparser';

/** The API takes JSON only; forms, uploads and raw bodies are not parsed at all. */
export default defineConfig({
  allowedMethods: ['POST', 'PUT', 'PATCH', 'DELETE'],
  form: { types: [] },
  json: { types: ['application/json'], limit: '32kb', convertEmptyStringsToNull: false, strict: true },
  multipart: { types: [], autoProcess: false, processManually: [] },
});
