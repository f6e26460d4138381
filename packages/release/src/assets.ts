import { z } from 'zod';
import { digest, imageByDigest, serviceName } from './ids.ts';
import { parseDocument } from './parse.ts';

/** Hashed files of one directory of one image. */
const AssetDirectorySchema = z.object({
  service: serviceName,
  image: imageByDigest,
  /** Absolute path in the image. */
  path: z.string().startsWith('/'),
  /** Digest by path below the directory. */
  files: z.record(z.string(), digest),
});
export type AssetDirectory = z.infer<typeof AssetDirectorySchema>;

/** assets.json of a release on the host: which files it brought along to be fetched after it has been switched out. */
export const AssetListSchema = z.object({ v: z.literal(1), directories: z.array(AssetDirectorySchema) });
export type AssetList = z.infer<typeof AssetListSchema>;

/** Reads assets.json; throws ContractError `assets`. */
export function parseAssetList(text: string): AssetList {
  return parseDocument('assets', AssetListSchema, text, 16 * 1024 * 1024);
}
