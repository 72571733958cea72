import { defineConfig } from 'vitest/config'

/** `npm run faults`: faults under load against real servers. It measures, so nothing else runs beside it. */
export default defineConfig({
  test: {
    include: ['faults/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    allowOnly: false,
    passWithNoTests: false,
    reporters: ['verbose'],
    globalSetup: ['test/support/global-setup.ts'],
  },
})
