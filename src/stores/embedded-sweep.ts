import { performance } from 'node:perf_hooks'
import type { EmbeddedFile } from './embedded-file.ts'

const firstAfterMs = 1000
const everyMs = 60_000
const betweenBatchesMs = 10
const largestBatch = 100
const smallestBatch = 8

/** A batch stops the event loop: its size follows the disk so that it takes about this long. */
const batchTargetMs = 4

/** Deletes expired records from the disk in small batches, without keeping the process alive. */
export class EmbeddedSweep {
  readonly #file: EmbeddedFile
  readonly #clock: () => number
  #timer: NodeJS.Timeout | undefined
  #batch = smallestBatch

  constructor(file: EmbeddedFile, clock: () => number) {
    this.#file = file
    this.#clock = clock
  }

  /** Begins soon, and goes on until `stop`. */
  start(): void {
    this.#schedule(firstAfterMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #schedule(afterMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#schedule(this.#sweepBatch() ? betweenBatchesMs : everyMs)
    }, afterMs).unref()
  }

  /** Whether more is left to do now. */
  #sweepBatch(): boolean {
    const started = performance.now()
    try {
      const deleted = this.#file.use((connection) => {
        const now = this.#clock()
        if (connection.statements.findExpired.get(now) === undefined) return 0
        return connection.transaction({ durability: 'normal', dontWait: true }, () =>
          Number(connection.statements.sweep.run(now, this.#batch).changes),
        )
      })
      if (deleted < this.#batch) return false
    } catch {
      // Another process is writing, or the store is in trouble; whoever uses it hears of that. The next round tries again.
      return false
    }
    this.#adapt(performance.now() - started)
    return true
  }

  #adapt(tookMs: number): void {
    if (tookMs > batchTargetMs) this.#batch = Math.max(smallestBatch, Math.floor(this.#batch / 2))
    else if (tookMs < batchTargetMs / 2) this.#batch = Math.min(largestBatch, this.#batch * 2)
  }
}
