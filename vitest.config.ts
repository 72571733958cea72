import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // A busy machine can make one of the tests that measure memory or wait for real processes late; twice is no accident.
    retry: process.env['CI'] === 'true' ? 1 : 0,
    allowOnly: false,
    passWithNoTests: false,
    setupFiles: process.env['FUZZ_RUNS'] === undefined ? [] : ['test/support/more-runs.ts'],
    reporters: ['default', './test/support/closing-line-reporter.ts'],
    coverage: { provider: 'v8', include: ['src/**'], exclude: ['src/**/*.test.ts'] },
    projects: [
      // They are of pure code, which they can share: a process for each file would take as long as the tests.
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts'], isolate: false } },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: ['test/e2e/lab.test.ts'],
          globalSetup: ['test/support/global-setup.ts', 'test/support/chromium-setup.ts'],
          // One real browser at a time is what two cores hold.
          fileParallelism: false,
        },
      },
      // `npm run lab -- --check`: every attack there is, in half a minute.
      {
        extends: true,
        test: {
          name: 'lab',
          include: ['test/e2e/lab.test.ts'],
          globalSetup: ['test/support/global-setup.ts', 'test/support/chromium-setup.ts'],
        },
      },
    ],
  },
})
