import { readSettings } from '../app/settings.ts';

/** The checked environment of this process. Importing it throws SettingsError when the environment is unusable. */
export const settings = readSettings(process.env);
