import type { Reporter, SerializedError, TestModule, TestRunEndReason, Vitest } from 'vitest/node'

/** What a run came to: tests, plus one failure for each file or hook that broke outside of a test. */
export interface RunCount {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** The line that closes a run, alone on its line. */
export function closingLine({ passed, failed, skipped }: RunCount): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/** Counts a finished run. A broken file whose tests all passed or never ran still counts as a failure. */
export function countRun(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): RunCount {
  const tests = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state))
  const brokenSuites = modules
    .flatMap((module) => [module, ...module.children.allSuites()])
    .filter((task) => task.errors().length > 0)
  return {
    passed: tests.filter((state) => state === 'passed').length,
    failed: tests.filter((state) => state === 'failed').length + brokenSuites.length + unhandledErrors.length,
    skipped: tests.filter((state) => state !== 'passed' && state !== 'failed').length,
  }
}

/** Ends every run with its closing line, and fails a whole run in which a test did not run. */
export default class ClosingLineReporter implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[], reason: TestRunEndReason): void {
    const count = countRun(modules, unhandledErrors)
    const isNarrowed = this.#vitest?.config.testNamePattern !== undefined
    if (!isNarrowed && (count.skipped > 0 || reason === 'interrupted')) process.exitCode = 1
    process.stdout.write(`\n${closingLine(count)}\n`)
  }
}
