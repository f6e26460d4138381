export * from './t.ts';
