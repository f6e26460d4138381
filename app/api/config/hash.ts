import { defineConfig, drivers } from '@adonisjs/core/hash';

/** scrypt at 16 MiB a hash: safe beside the other services of a 2 GB host, and needs no native module. */
export default defineConfig({
  default: 'scrypt',
  list: { scrypt: drivers.scrypt({ cost: 16_384, blockSize: 8, parallelization: 5, maxMemory: 64 * 1024 * 1024 }) },
});
