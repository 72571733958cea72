/** Real time plus an offset that a test moves. Callable, because the engine takes a clock as a function. */
export interface TestClock {
  /** Epoch milliseconds. */
  (): number
  /** Epoch milliseconds. */
  now(): number
  /** Moves time on; negative values set it back. */
  advance(milliseconds: number): void
}

/** A clock that starts at the real time, so that what the machine stamps by itself stays plausible. */
export function createTestClock(): TestClock {
  let offsetMs = 0
  const now = () => Date.now() + offsetMs
  return Object.assign(() => now(), {
    now,
    advance(milliseconds: number) {
      offsetMs += milliseconds
    },
  })
}
