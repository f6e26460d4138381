import { lower, raise } from './raise.ts';

/**
 * One instance of the test hosts for all files of the suite. STAGE_KEEP=1 leaves it standing afterwards; STAGE_FILE names one that stands
 * already, so that a single test can be tried again within seconds.
 */
export default async function setup(): Promise<void> {
  if (process.env['STAGE_FILE'] !== undefined) return;
  const instance = `test-${Date.now().toString(36)}-${String(process.pid)}`;
  try {
    process.env['STAGE_FILE'] = await raise(instance, (line) => console.error(`  ${line}`));
    process.env['STAGE_INSTANCE'] = instance;
    if (process.env['STAGE_KEEP'] === '1') console.error(`  STAGE_FILE=${process.env['STAGE_FILE']}`);
  } catch (error) {
    await lower(instance).catch(() => undefined);
    throw error;
  }
}
