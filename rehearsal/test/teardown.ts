import { lower } from './raise.ts';

export default async function teardown(): Promise<void> {
  const instance = process.env['STAGE_INSTANCE'];
  if (instance === undefined || process.env['STAGE_KEEP'] === '1') return;
  await lower(instance);
}
