export { readPrivateKey, readPublicKey } from './keys.ts';
export * from './source.ts';
export * from './statement.ts';
export * from './tag.ts';
export * from './verify.ts';
