// Two rings: "unit" needs nothing but Node; "process" runs the committed bundles against real test hosts.
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  // Workspace packages are symlinks to TypeScript sources: let swc see them, nothing else in node_modules.
  transformIgnorePatterns: ['/node_modules/(?!@delivery/)'],
  modulePathIgnorePatterns: ['/dist/', '/.next/', '/.rehearsal/', '<rootDir>/app/api/build/'],
};

export default {
  // jest would leave one core to somebody who is not there.
  maxWorkers: '100%',
  // jest's five seconds say nothing about what is tested where a busy machine starts processes and hosts. Projects cannot set their own.
  testTimeout: 120_000,
  testSequencer: '<rootDir>/scripts/test-order.mjs',
  // jest's own haste map must not wander into build outputs of the app.
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['**/test/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/rehearsal/test/'],
    },
    {
      ...shared,
      displayName: 'process',
      testMatch: ['<rootDir>/rehearsal/test/**/*.test.ts'],
      globalSetup: '<rootDir>/rehearsal/test/setup.ts',
      globalTeardown: '<rootDir>/rehearsal/test/teardown.ts',
    },
  ],
};
