import { defineConfig } from 'vitest/config'

/** `npm run mutants`: the tests that need no compiled package, as one project, so that a run begins soon. */
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/{conformance,flows,proxy,security}/**/*.test.ts'],
    exclude: ['test/flows/sessions-cli*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    passWithNoTests: false,
  },
})
