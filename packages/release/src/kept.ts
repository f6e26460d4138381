import { z } from 'zod';
import { appName, imageByDigest } from './ids.ts';
import { parseDocument } from './parse.ts';

/** What an app needs of the host's images, for the agents of the other apps: each of them sees its own app's ledger only. */
export const KeptSchema = z.strictObject({
  format: z.literal(1),
  app: appName,
  /** Images of every release that the app's ledger calls for, and of the one that is being deployed. */
  images: z.array(imageByDigest),
});
export type Kept = z.infer<typeof KeptSchema>;

/** Reads such a file; throws ContractError `kept`. */
export function parseKept(text: string): Kept {
  return parseDocument('kept', KeptSchema, text, 1024 * 1024);
}
