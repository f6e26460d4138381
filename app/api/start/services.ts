import logger from '@adonisjs/core/services/logger';
import { Answers } from '../app/services/answers.ts';
import { Database } from '../app/services/database.ts';
import { offlineProvider } from '../tutor/provider.ts';
import { settings } from './settings.ts';

/** The process-wide services, made once. */
export const database = new Database(settings.mongoUri, logger);
export const answers = new Answers(offlineProvider(settings.paceMs), logger);
