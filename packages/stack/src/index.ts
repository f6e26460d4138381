export * from './extension.ts';
export * from './types.ts';
